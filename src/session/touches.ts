import type { Session } from './session.ts'

export type Touches = ReturnType<typeof createTouches>

/** Milliseconds between two touches: a tenth of the idle timeout, a minute at most. By so much a session may end early. */
export const touchInterval = (idleTimeout: number): number => Math.min(idleTimeout / 10, 60_000)

/** Decides when the use of a session is worth a write: at most once an interval, and not if another gateway just did. */
export const createTouches = (idleTimeout: number) => {
  const interval = touchInterval(idleTimeout)
  /** When each was last touched from here, oldest first. */
  const touched = new Map<string, number>()

  return {
    /** `now` in `performance.now()` milliseconds. True counts as the touch. */
    due: ({ handle, idleDeadline, absoluteDeadline }: Session, now: number): boolean => {
      const wouldBe = Math.min(now + idleTimeout, absoluteDeadline)
      if (wouldBe - idleDeadline < interval) return false
      // A stream may hold a session for hours: its deadline is the one from then.
      const last = touched.get(handle)
      if (last !== undefined && now - last < interval) return false
      for (const [oldest, at] of touched) {
        if (now - at < interval) break
        touched.delete(oldest)
      }
      touched.delete(handle)
      touched.set(handle, now)
      return true
    },
    size: () => touched.size,
  }
}
