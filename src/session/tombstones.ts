import { ask } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import { chunks } from './chunks.ts'
import type { Keys } from './keys.ts'

export type Tombstones = ReturnType<typeof createTombstones>

const most = 50_000
/** How long after a burial an old replica is likely to be promoted. Milliseconds. */
const recently = 120_000

/**
 * Handles whose deletion was announced and seen. Handles are random and never used again, so that is
 * final: a record that comes back was brought back by a replica or a backup that had not heard. Lost
 * with the process: a mitigation, no proof.
 */
export const createTombstones = ({ redis, keys }: { redis: Redis; keys: Keys }) => {
  const buried = new Map<string, number>()

  /** Deletes the records again. */
  const remove = async (handles: readonly string[]): Promise<void> => {
    for (const chunk of chunks(handles)) await ask(redis.unlink(...chunk.map(keys.session)))
  }

  return {
    /** `now` in `performance.now()` milliseconds. Beyond 50,000 the oldest is forgotten. */
    bury: (handle: string, now: number): void => {
      buried.delete(handle)
      buried.set(handle, now)
      if (buried.size <= most) return
      for (const oldest of buried.keys()) {
        buried.delete(oldest)
        return
      }
    },
    has: (handle: string): boolean => buried.has(handle),
    remove,
    /** Deletes the records of those buried in the last two minutes again. */
    removeRecent: (now: number): Promise<void> =>
      remove(Array.from(buried).flatMap(([handle, at]) => (now - at < recently ? [handle] : []))),
    size: () => buried.size,
  }
}
