import type { Log } from '../log.ts'
import type { Entries, Entry } from './entries.ts'
import type { Keys } from './keys.ts'
import type { Marks } from './marks.ts'
import type { Session } from './session.ts'
import type { Tombstones } from './tombstones.ts'
import type { Vitals } from './vitals.ts'

interface Rereading {
  readonly vitals: Vitals
  readonly keys: Keys
  readonly entries: Entries
  readonly marks: Marks
  readonly tombstones: Tombstones
  readonly log: Log
}

/**
 * Asks after an entry whose record was announced as changed: an unchanged one (somebody's touch) is fresh
 * again, without being decrypted again, and a gone one is buried. `unknown`: ask again, and with the
 * ticket. Never rejects.
 */
export const createReread =
  ({ vitals, keys, entries, marks, tombstones, log }: Rereading) =>
  async (entry: Entry): Promise<Session | 'unknown' | undefined> => {
    const { session, userKey } = entry
    const { handle } = session
    const held = [marks.begin(keys.session(handle), handle), marks.begin(userKey, handle)]
    try {
      const found = await vitals.ask(session)
      // Cleared, which makes it another epoch and the nil no proof; or a newer reading took its place.
      if (entries.get(handle) !== entry) return 'unknown'
      if (found.kind === 'gone') {
        entries.remove(handle)
        tombstones.bury(handle, performance.now())
        return undefined
      }
      if (held.some(mark => mark.doomed)) return 'unknown'
      if (found.version !== session.version) {
        entries.remove(handle)
        return 'unknown'
      }
      const same = { ...session, idleDeadline: found.idleDeadline }
      entries.set(same, userKey)
      return same
    } catch (err) {
      log.debug({ err }, 'a changed session could not be asked after')
      return 'unknown'
    } finally {
      for (const mark of held) marks.end(mark)
    }
  }
