import type { Redis } from './client.ts'

/**
 * Whether at least one replica has, within 200 ms, all that was written over this connection; undefined
 * where the server has no replicas, false also where it could not be learned. WAIT holds up every
 * command behind it on its connection, so it is not asked where nobody could answer it.
 */
export const replicated = async (redis: Redis): Promise<boolean | undefined> => {
  try {
    const info = await redis.info('replication')
    if (/^connected_slaves:0\r?$/m.test(info)) return undefined
    return (await redis.wait(1, 200)) >= 1
  } catch {
    return false
  }
}
