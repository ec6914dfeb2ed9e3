import type { Keys } from './keys.ts'
import type { Session } from './session.ts'

/**
 * Why a stream is cut: its session was ended, ran out, was replaced by a new login of the same browser,
 * or Redis could not be asked about it for longer than the grace.
 */
export type StreamEnd = 'ended' | 'expired' | 'replaced' | 'outage'

/** Something open that has to go when its session does. */
export interface Closer {
  /** Called once at most. */
  cut(reason: StreamEnd): void
}

/** A session with open streams, or that had some a moment ago. Times are `performance.now()` milliseconds. */
export interface Watched {
  session: Session
  readonly userKey: string
  /** Without order, and no Set: see the deadlines of the proxy. */
  readonly closers: Closer[]
  idleDeadline: number
  /** Known to be live, and every change since would have been announced. */
  certain: boolean
  liveAt: number
  askedAt: number
  /** An answer is on its way; `again`: and a change has overtaken it. */
  asking: boolean
  again: boolean
  /** The epoch in which a change was last announced. */
  announcedIn: number | undefined
  /** What its end will be called. */
  gone: 'ended' | 'replaced'
}

/** What is known of the streams before it says nothing of those that come. */
const begin = (watched: Watched, session: Session, now: number): Watched => {
  watched.session = session
  watched.idleDeadline = session.idleDeadline
  watched.certain = false
  watched.liveAt = now
  watched.askedAt = Number.NEGATIVE_INFINITY
  watched.again = false
  watched.announcedIn = undefined
  watched.gone = 'ended'
  return watched
}

/**
 * The sessions with open streams, by handle and by user key. One whose last stream has closed stays until
 * it is removed: most sessions come back within a second, and a request is a stream too.
 */
export const createWatchlist = (keys: Keys) => {
  const byHandle = new Map<string, Watched>()
  const byUser = new Map<string, Set<Watched>>()

  return {
    get: (handle: string): Watched | undefined => byHandle.get(handle),
    ofUser: (userKey: string): Iterable<Watched> => byUser.get(userKey) ?? [],
    all: (): Iterable<Watched> => byHandle.values(),
    /** Those that wait to be removed count as well. */
    size: () => byHandle.size,
    /** For the first stream of a session, which was live at `now`. */
    add: (session: Session, now: number): Watched => {
      const known = byHandle.get(session.handle)
      if (known !== undefined) return begin(known, session, now)
      const watched: Watched = {
        session,
        userKey: keys.user(session.meta.provider, session.meta.sub),
        closers: [],
        idleDeadline: session.idleDeadline,
        certain: false,
        liveAt: now,
        askedAt: Number.NEGATIVE_INFINITY,
        asking: false,
        again: false,
        announcedIn: undefined,
        gone: 'ended',
      }
      byHandle.set(session.handle, watched)
      const siblings = byUser.get(watched.userKey)
      if (siblings === undefined) byUser.set(watched.userKey, new Set([watched]))
      else siblings.add(watched)
      return watched
    },
    remove: (watched: Watched): void => {
      if (byHandle.get(watched.session.handle) !== watched) return
      byHandle.delete(watched.session.handle)
      const siblings = byUser.get(watched.userKey)
      siblings?.delete(watched)
      if (siblings?.size === 0) byUser.delete(watched.userKey)
    },
  }
}
