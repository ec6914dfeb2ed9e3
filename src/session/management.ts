import type { Config } from '../config/schema.ts'
import { connectOnce } from '../redis/once.ts'
import { findEmbedded } from '../redis/running.ts'
import { createEnder } from './end.ts'
import { createKeys } from './keys.ts'
import { createLister } from './list.ts'

export type Management = Awaited<ReturnType<typeof openManagement>>

/** Milliseconds: whoever waits is a person at a terminal, and Redis may be in trouble. */
const patience = 5000

/**
 * Lists and ends sessions straight on their Redis, with no gateway and without its secrets. Throws
 * `SetupError` where Redis cannot be used.
 */
export const openManagement = async ({
  redis: { url, sentinel, dataDir, keyPrefix, commandTimeout },
  session: { idleTimeout },
}: {
  readonly redis: Config['redis']
  readonly session: Pick<Config['session'], 'idleTimeout'>
}) => {
  const embedded = sentinel === undefined && (url === undefined || url === 'embedded')
  const redis = await connectOnce({
    url: embedded ? await findEmbedded(dataDir) : (url ?? 'redis://sentinel'),
    sentinel,
    commandTimeout: Math.max(commandTimeout, patience),
  })
  const keys = createKeys(keyPrefix)
  return {
    ...createEnder({ redis, keys }),
    ...createLister({ redis, keys, idleTimeout }),
    close: (): void => redis.disconnect(),
  }
}
