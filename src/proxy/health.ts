/** The first pause after a connection could not be made, in ms; doubled with each further failure. */
const firstPause = 500
const longestPause = 30_000
/** How long a target that answered unasked gets no connection for more than one request, in ms. */
const quarantine = 600_000

export type Health = ReturnType<typeof createHealth>

/**
 * What is known of one target from the requests that went there: after a failed connection it is left
 * alone for a growing time, then one request tries it. Times are performance.now() ms.
 */
export const createHealth = () => {
  let failures = 0
  let trialAt = 0
  let suspectUntil = 0
  return {
    /** 0 for a target that may be used; else when it may be tried. `active` is how many requests are there: a trial is one alone. */
    dueAt: (now: number, active: number): number => {
      if (failures === 0 || (now >= trialAt && active === 0)) return 0
      return trialAt
    },
    isWell: (): boolean => failures === 0,
    reached: (): void => {
      failures = 0
    },
    failed: (now: number): void => {
      // Requests that failed together count once.
      if (failures > 0 && now < trialAt) return
      trialAt = now + Math.min(firstPause * 2 ** failures, longestPause)
      failures++
    },
    /**
     * Something came that nobody had asked for. What crosses with the next request cannot be told from the
     * answer to it (CVE-2026-6733), so from now on no two requests share a connection to this target.
     */
    answeredUnasked: (now: number): void => {
      suspectUntil = now + quarantine
    },
    isSuspect: (now: number): boolean => now < suspectUntil,
  }
}
