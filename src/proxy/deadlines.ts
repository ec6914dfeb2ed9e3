/** Something that must make progress: `deadline` is performance.now() ms, moved on by its owner; Infinity = none. */
export interface Deadlined {
  deadline: number
  /** Where it stands among the watched; theirs to set. */
  slot: number
  /** Called once the deadline has passed, until the owner moves it or leaves. */
  expire(): void
}

export type Deadlines = ReturnType<typeof createDeadlines>

/**
 * One coarse timer for all time-outs of requests under way: moving a deadline is one assignment,
 * where a timer each would be armed and disarmed several times a request. `interval` in ms is how
 * late a time-out may come. An array and no Set: one that each request enters and leaves is copied again
 * and again, each old copy points to the next, and the collector then takes all that was ever in it for alive.
 */
export const createDeadlines = (interval: number) => {
  const watched: Deadlined[] = []
  const timer = setInterval(() => {
    const now = performance.now()
    // From the end, because who leaves gives its place to the last.
    for (let slot = watched.length - 1; slot >= 0; slot--) {
      const entry = watched[slot]
      if (entry !== undefined && now >= entry.deadline) entry.expire()
    }
  }, interval)
  timer.unref()
  return {
    add: (entry: Deadlined): void => {
      entry.slot = watched.push(entry) - 1
    },
    remove: (entry: Deadlined): void => {
      const { slot } = entry
      if (watched[slot] !== entry) return
      const last = watched.pop()
      if (last === undefined || last === entry) return
      watched[slot] = last
      last.slot = slot
    },
    size: () => watched.length,
    close: () => clearInterval(timer),
  }
}
