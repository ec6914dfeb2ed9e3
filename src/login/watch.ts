/**
 * Measures for how long one and the same holder has been seen, from one sighting to the next. Of a gap longer
 * than `longestStep` milliseconds only so much counts: nothing is known of the rest.
 */
export const createWatch = (longestStep: number) => {
  let holder: string | undefined
  let last = 0
  let lasted = 0
  return {
    saw: (seen: string, now: number): void => {
      lasted = seen === holder ? lasted + Math.min(now - last, longestStep) : 0
      holder = seen
      last = now
    },
    /** Who was seen last. */
    of: (): string | undefined => holder,
    /** Milliseconds. */
    lasted: (): number => lasted,
  }
}
