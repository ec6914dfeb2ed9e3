import type { Session } from '../session/store.ts'

/** What a request that needs an access token may do. */
export type Refreshed =
  /** Read from Redis a moment ago, and its token may be sent. */
  | { readonly kind: 'use'; readonly session: Session }
  /** The session is live, but its token is over and there is no new one yet. */
  | { readonly kind: 'unavailable' }
  /** The session has ended; or its token is over and nothing can renew it. */
  | { readonly kind: 'gone' }

/**
 * The last milliseconds of a token, in which it is not sent any more: a JWT's `exp` is in whole seconds,
 * so up to a second earlier than its `expires_in` says, and a request takes time to arrive.
 */
const margin = 1_250
/** By how much a session's own moment is earlier than `refreshBefore` says, so that those of one instant spread. */
const spread = 0.2

/** Whether the access token may be sent. `now` is `performance.now()`. */
export const isUsable = ({ tokenDeadline }: Session, now: number): boolean =>
  now < tokenDeadline - margin

/** Whether it is time for a new one. The same answer on every gateway. */
export const isDue = (
  { tokenDeadline, handle }: Session,
  refreshBefore: number,
  now: number,
): boolean => {
  const left = tokenDeadline - margin - now
  if (left >= refreshBefore * (1 + spread)) return false
  return left < refreshBefore * (1 + (spread * Number.parseInt(handle.slice(0, 4), 16)) / 0xffff)
}

/** What can be done with the session as it is. */
export const judge = (session: Session | undefined): Refreshed => {
  if (session === undefined) return { kind: 'gone' }
  return isUsable(session, performance.now()) ? { kind: 'use', session } : { kind: 'unavailable' }
}

const longestPause = 10_000
const shortestPause = 500

/**
 * Milliseconds after a refresh in which there is no other, from the new token's lifetime: tokens that
 * live shorter than `refreshBefore`, or not at all, must not make each request a token call (TK-10).
 */
export const pauseAfter = (lifetime: number | undefined, refreshBefore: number): number => {
  const usable = (lifetime ?? Number.POSITIVE_INFINITY) - margin
  if (usable <= 0) return longestPause
  return usable > refreshBefore * (1 + spread)
    ? 0
    : Math.max(shortestPause, Math.min(usable / 2, longestPause))
}
