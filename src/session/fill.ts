import type { Entries } from './entries.ts'
import type { Keys } from './keys.ts'
import type { Mark, Marks } from './marks.ts'
import type { Session, Store } from './store.ts'
import type { Tombstones } from './tombstones.ts'

interface Filling {
  readonly store: Pick<Store, 'fetch' | 'listed'>
  readonly keys: Keys
  readonly entries: Entries
  readonly marks: Marks
  readonly tombstones: Tombstones
}

/** An answer that a change has overtaken is asked for again; the third is served all the same, and not kept. */
const tries = 3

/** Reads the live session of a ticket and keeps it, unless a change was announced while the answers were on their way. */
export const createFill = ({ store, keys, entries, marks, tombstones }: Filling) => {
  /** A session whose record did not change since it was decrypted; only its listing is in doubt. */
  const suspected = (handle: string): Session | undefined => {
    const entry = entries.get(handle)
    if (entry?.trust !== 'suspect' || performance.now() >= entry.deadline) return undefined
    return entry.session
  }

  return async (ticket: string, handle: string): Promise<Session | undefined> => {
    const held: Mark[] = []
    const hold = (key: string): Mark => {
      const mark = marks.begin(key, handle)
      held.push(mark)
      return mark
    }
    try {
      let record = hold(keys.session(handle))
      let session = suspected(handle) ?? (await store.fetch(ticket))
      for (let left = tries; session !== undefined; left--) {
        const userKey = keys.user(session.meta.provider, session.meta.sub)
        const listing = hold(userKey)
        const listed = await store.listed(session.meta, handle)
        const sure = !record.doomed && !listing.doomed
        if (!listed) {
          // Announced in this epoch: an outage or a flush would have cleared the entry.
          const announced = entries.get(handle)?.trust === 'suspect'
          if (announced) tombstones.bury(handle, performance.now())
          break
        }
        if (sure) entries.set(session, userKey)
        if (sure || left === 1) return session
        if (!record.doomed) continue
        record = hold(keys.session(handle))
        session = await store.fetch(ticket)
      }
      entries.remove(handle)
      return undefined
    } finally {
      for (const mark of held) marks.end(mark)
    }
  }
}
