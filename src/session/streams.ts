import type { Log } from '../log.ts'
import type { Tracking } from '../redis/tracking.ts'
import type { Cache } from './cache.ts'
import type { Keys } from './keys.ts'
import type { Session } from './session.ts'
import type { Tombstones } from './tombstones.ts'
import type { Vitals } from './vitals.ts'
import { type Closer, createWatchlist, type StreamEnd, type Watched } from './watched.ts'

export type { Closer, StreamEnd } from './watched.ts'

export interface StreamsOptions {
  readonly cache: Pick<Cache, 'peek' | 'onGone'>
  readonly keys: Keys
  readonly vitals: Vitals
  readonly tombstones: Tombstones
  readonly tracking: Tracking
  /** Milliseconds that a stream may live on while Redis cannot be asked. */
  readonly streamGrace: number
  readonly log: Log
}

export type Streams = ReturnType<typeof createStreams>

/** Milliseconds between two questions about a session of which nothing is announced. */
const askEvery = 5_000

/**
 * Everything that is open for a session: requests on their way, answers, tunnels. Independent of what is
 * cached: a change is announced by the name of the key, and only whether the session is gone decides. A
 * new version of the record cuts nothing.
 */
export const createStreams = (options: StreamsOptions) => {
  const { cache, vitals, tombstones, tracking, streamGrace, log } = options
  const list = createWatchlist(options.keys)

  const end = (watched: Watched, reason: StreamEnd) => {
    list.remove(watched)
    for (const closer of watched.closers) {
      try {
        closer.cut(reason)
      } catch (err) {
        log.error({ err }, 'a stream could not be cut')
      }
    }
  }
  const endGone = (watched: Watched) =>
    end(watched, performance.now() < watched.idleDeadline ? watched.gone : 'expired')

  const ask = async (watched: Watched): Promise<void> => {
    const { session } = watched
    if (watched.asking) {
      watched.again = true
      return
    }
    watched.asking = true
    do {
      watched.again = false
      const epoch = tracking.epoch()
      const sent = performance.now()
      watched.askedAt = sent
      const life = await vitals.ask(session).catch((err: unknown) => {
        log.debug({ err }, 'a session with open streams could not be asked after')
        return undefined
      })
      if (list.get(session.handle) !== watched) return
      if (life?.kind === 'gone') {
        if (watched.announcedIn === tracking.epoch()) tombstones.bury(session.handle, sent)
        return endGone(watched)
      }
      if (life !== undefined) {
        watched.idleDeadline = life.idleDeadline
        watched.liveAt = sent
        const missed = watched.again || epoch !== tracking.epoch()
        watched.certain = !missed && tracking.state() === 'up'
      }
    } while (watched.again)
    watched.asking = false
  }

  const changed = (watched: Watched) => {
    if (watched.closers.length === 0) return list.remove(watched)
    watched.certain = false
    watched.announcedIn = tracking.epoch()
    void ask(watched)
  }
  const doubtAll = () => {
    const now = performance.now()
    for (const watched of list.all()) {
      if (watched.closers.length === 0) list.remove(watched)
      if (watched.certain) watched.liveAt = now
      watched.certain = false
    }
  }
  const askAll = () => {
    doubtAll()
    for (const watched of list.all()) void ask(watched)
  }
  tracking.listen({
    invalidated: names => {
      for (const name of names) {
        const handle = options.keys.handleOfKey(name)
        const watched = handle === undefined ? undefined : list.get(handle)
        if (watched !== undefined) changed(watched)
        if (handle === undefined) for (const one of list.ofUser(name)) changed(one)
      }
    },
    flushed: askAll,
    down: doubtAll,
    up: askAll,
  })
  cache.onGone(handle => {
    const watched = list.get(handle)
    if (watched !== undefined) endGone(watched)
  })

  const check = (watched: Watched, now: number) => {
    const { session, closers } = watched
    if (closers.length === 0) return list.remove(watched)
    if (now >= session.absoluteDeadline) return end(watched, 'expired')
    if (watched.certain && now < watched.idleDeadline) return
    // A change between its reading and its registration was missed here, but not by the cache.
    const known = cache.peek(session.handle)
    if (known !== undefined) {
      watched.certain = true
      watched.idleDeadline = known.idleDeadline
      return
    }
    if (!watched.certain) {
      // Asked in vain since: a process that stood still knows nothing yet, and asks first.
      const inVain = watched.askedAt > watched.liveAt && !watched.asking
      if (inVain && now - watched.liveAt > streamGrace) return end(watched, 'outage')
      if (now - watched.askedAt < Math.min(askEvery, streamGrace / 4)) return
    }
    void ask(watched)
  }
  const checkAll = () => {
    const now = performance.now()
    for (const watched of list.all()) check(watched, now)
  }
  const clock = setInterval(checkAll, Math.min(1_000, streamGrace / 4))

  return {
    /** Has `closer` cut when the session is over. To be called in the turn in which the session was read or peeked. */
    add: (session: Session, closer: Closer): void => {
      const known = list.get(session.handle)
      const watched =
        known === undefined || known.closers.length === 0
          ? list.add(session, performance.now())
          : known
      watched.closers.push(closer)
    },
    /** Takes back `add`. */
    remove: ({ handle }: Session, closer: Closer): void => {
      const closers = list.get(handle)?.closers ?? []
      const place = closers.lastIndexOf(closer)
      const last = place < 0 ? undefined : closers.pop()
      if (last !== undefined && place < closers.length) closers[place] = last
    },
    /** From now on the end of this session is called a replacement. Calling the answer takes that back. */
    replacing: (handle: string): (() => void) => {
      const watched = list.get(handle)
      if (watched !== undefined) watched.gone = 'replaced'
      return () => {
        if (watched !== undefined) watched.gone = 'ended'
      }
    },
    /** How much is open for a session. */
    open: ({ handle }: Session): number => list.get(handle)?.closers.length ?? 0,
    /** How many sessions have open streams. */
    size: (): number => {
      let size = 0
      for (const { closers } of list.all()) if (closers.length > 0) size++
      return size
    },
    close: () => clearInterval(clock),
  }
}
