interface Limits {
  /** How many failures in a row it takes. */
  readonly failures?: number
  /** Milliseconds of the first pause, which doubles up to `longest`. */
  readonly first?: number
  readonly longest?: number
}

export type Breaker = ReturnType<typeof createBreaker>

/**
 * Keeps a provider that fails again and again from being asked by every session: after some failures
 * in a row, or when it asks for it, nobody asks for a while, and then one asks for all. Times are
 * milliseconds of one clock.
 */
export const createBreaker = ({ failures = 3, first = 1_000, longest = 30_000 }: Limits = {}) => {
  let inRow = 0
  let closedUntil = 0

  return {
    /** Milliseconds until somebody may ask; 0 is now, and then for the caller alone. */
    wait: (now: number): number => {
      if (now < closedUntil) return closedUntil - now
      if (inRow >= failures) closedUntil = now + first
      return 0
    },
    answered: (): void => {
      inRow = 0
      closedUntil = 0
    },
    failed: (now: number, retryAfter = 0): void => {
      inRow++
      const pause = inRow < failures ? 0 : Math.min(first * 2 ** (inRow - failures), longest)
      closedUntil = Math.max(closedUntil, now + Math.max(pause, retryAfter))
    },
  }
}
