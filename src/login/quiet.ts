const longest = 1_000
const most = 10_000

/**
 * Handles that need not be asked after for a moment, so that a session whose refresh is another's work,
 * or paused, does not make every request ask Redis. Times are milliseconds of one clock.
 */
export const createQuiet = () => {
  const until = new Map<string, number>()
  return {
    is: (handle: string, now: number): boolean => {
      const end = until.get(handle)
      if (end === undefined) return false
      if (now >= end) until.delete(handle)
      return now < end
    },
    keep: (handle: string, now: number, duration: number): void => {
      if (until.size >= most) until.clear()
      until.set(handle, now + Math.min(duration, longest))
    },
  }
}
