import { performance } from 'node:perf_hooks'
import type { Log } from '../log.ts'
import type { CacheStatus } from '../metrics.ts'
import type { Tracking } from '../redis/tracking.ts'
import { createEntries } from './entries.ts'
import { createFill } from './fill.ts'
import type { Keys } from './keys.ts'
import { createMarks } from './marks.ts'
import { createReread } from './reread.ts'
import type { Session, Store } from './store.ts'
import type { Tombstones } from './tombstones.ts'
import { createTouches } from './touches.ts'
import type { Vitals } from './vitals.ts'

export interface CacheOptions {
  readonly store: Pick<Store, 'fetch' | 'listed' | 'read' | 'touch'>
  readonly keys: Keys
  readonly vitals: Vitals
  readonly tombstones: Tombstones
  /** Undefined: nothing is kept, and each request asks Redis. */
  readonly tracking: Tracking | undefined
  /** Milliseconds. */
  readonly idleTimeout: number
  readonly maxEntries?: number
  readonly maxBytes?: number
  readonly log: Log
}

export type Cache = ReturnType<typeof createCache>

/** How often a reader waits for somebody else's answer before it asks for itself. */
const joins = 3

/**
 * Sessions in memory, each as true as Redis itself to within about a millisecond, or to within the lease
 * when the link is silently dead. What is announced as changed is not served until it was asked after.
 */
export const createCache = (options: CacheOptions) => {
  const { store, keys, vitals, tombstones, tracking, log } = options
  const { maxEntries = 100_000, maxBytes = 256 * 1024 * 1024 } = options
  const entries = createEntries({ maxEntries, maxBytes })
  const marks = createMarks()
  const fill = createFill({ store, keys, entries, marks, tombstones })
  const reread = createReread({ vitals, keys, entries, marks, tombstones, log })
  const touches = createTouches(options.idleTimeout)
  /** Who asks after a session now. `unknown`: nothing was learned that could be served. */
  const flights = new Map<string, Promise<Session | 'unknown' | undefined>>()
  const goneListeners: ((handle: string) => void)[] = []
  let hits = 0
  let misses = 0
  let lapses = 0

  const launch = <Found extends Session | 'unknown' | undefined>(
    handle: string,
    work: Promise<Found>,
  ): Promise<Found> => {
    const flight = work.finally(() => {
      if (flights.get(handle) === flight) flights.delete(handle)
    })
    flights.set(handle, flight)
    return flight
  }
  /** The answers on their way are too old for whoever comes from now on. */
  const doom = (key: string) => {
    for (const mark of marks.doom(key)) flights.delete(mark.handle)
  }
  const clear = () => {
    marks.doomAll()
    flights.clear()
    entries.clear()
  }
  const repair = (removal: Promise<void>) => {
    removal.catch(err => log.warn({ err }, 'sessions that came back could not be deleted again'))
  }

  tracking?.listen({
    invalidated: names => {
      for (const name of names) {
        doom(name)
        const handle = keys.handleOfKey(name)
        const entry = handle === undefined ? undefined : entries.get(handle)
        if (handle === undefined) entries.suspect(name)
        else if (entry !== undefined && vitals.busy()) entries.remove(handle)
        else if (entry !== undefined) {
          entry.trust = 'stale'
          void launch(handle, reread(entry))
        }
      }
    },
    flushed: clear,
    down: clear,
    up: () => {
      clear()
      repair(tombstones.removeRecent(performance.now()))
    },
  })

  /** Without I/O: the session if it is known to be live. Undefined says nothing. */
  const peek = (handle: string): Session | undefined => {
    if (tracking === undefined) return undefined
    const entry = entries.get(handle)
    if (entry === undefined || entry.trust !== 'fresh') return undefined
    const now = performance.now()
    if (now >= entry.deadline) return undefined
    if (now >= tracking.leaseUntil()) {
      lapses++
      return undefined
    }
    entries.use(entry)
    hits++
    return entry.session
  }

  const readTracked = async (ticket: string, handle: string): Promise<Session | undefined> => {
    for (let left = joins; left > 0; left--) {
      const flight = flights.get(handle)
      if (flight === undefined) break
      const found = await flight
      if (found !== 'unknown') return found
    }
    return launch(handle, fill(ticket, handle))
  }

  /**
   * The live session of a ticket, from Redis; `handle` is the ticket's. Readers share an answer on its
   * way only under the lease, because it is a kind of memory. Throws `redis_unavailable`.
   */
  const read = async (ticket: string, handle: string): Promise<Session | undefined> => {
    misses++
    const leased = tracking !== undefined && performance.now() < tracking.leaseUntil()
    const session = await (leased ? readTracked(ticket, handle) : store.read(ticket))
    if (session === undefined || !tombstones.has(handle)) return session
    repair(tombstones.remove([handle]))
    return undefined
  }

  /** Drops what is known of a session and what is on its way. */
  const forget = (handle: string): void => {
    entries.remove(handle)
    doom(keys.session(handle))
  }

  /** Slides the idle timeout where that is worth a write; nobody waits for it. `now` in `performance.now()` milliseconds. */
  const touch = (session: Session, now = performance.now()): void => {
    if (!touches.due(session, now)) return
    const settle = (alive: boolean) => {
      if (alive) return
      forget(session.handle)
      for (const gone of goneListeners) gone(session.handle)
    }
    store.touch(session).then(settle, err => log.debug({ err }, 'a session could not be touched'))
  }

  return {
    peek,
    read,
    forget,
    /** Drops what is known of all of them. */
    clear,
    touch,
    /** Calls back with the handle of a session that a touch found gone. */
    onGone: (listener: (handle: string) => void) => void goneListeners.push(listener),
    status: (): CacheStatus & { tombstones: number } => ({
      state: tracking?.state() ?? 'off',
      ...{ hits, misses, lapses, entries: entries.size(), bytes: entries.bytes() },
      tombstones: tombstones.size(),
    }),
  }
}
