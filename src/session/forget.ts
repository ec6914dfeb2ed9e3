import { ask } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import type { Keys } from './keys.ts'
import type { Meta } from './record.ts'

/**
 * Takes ended sessions out of the sets of their sids. A step of its own, because the sets' names are in
 * the records: what it leaves behind when it fails names sessions that are gone, until the set expires.
 */
export const forgetSids = async (
  { redis, keys }: { redis: Redis; keys: Keys },
  ended: readonly { handle: string; meta: Meta | undefined }[],
): Promise<void> => {
  const sets = new Map<string, string[]>()
  for (const { handle, meta } of ended) {
    if (meta?.sid === undefined) continue
    const set = keys.sid(meta.provider, meta.sid)
    const handles = sets.get(set)
    if (handles === undefined) sets.set(set, [handle])
    else handles.push(handle)
  }
  await ask(Promise.all(Array.from(sets, ([set, handles]) => redis.srem(set, ...handles))))
}
