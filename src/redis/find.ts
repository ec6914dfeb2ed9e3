import type { Config } from '../config/schema.ts'
import type { Log } from '../log.ts'
import { startEmbedded } from './embedded.ts'
import type { RedisPlan } from './options.ts'

/** Where sessions are kept; `close` ends what was started for that. */
export interface FoundRedis {
  readonly plan: RedisPlan
  close(): Promise<void>
}

/** The Redis of a config: an embedded one, started here, where no other is named. Throws `SetupError` where it cannot be started. */
export const findRedis = async (redis: Config['redis'], log: Log): Promise<FoundRedis> => {
  const { url, sentinel, commandTimeout, dataDir } = redis
  if (sentinel !== undefined || (url !== undefined && url !== 'embedded')) {
    const plan = { url: url ?? 'redis://sentinel', sentinel, commandTimeout }
    return { plan, close: async () => undefined }
  }
  const embedded = await startEmbedded({ dataDir, log })
  return { plan: { url: embedded.url, commandTimeout }, close: embedded.close }
}
