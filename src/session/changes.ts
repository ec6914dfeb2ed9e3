import type { Tracking } from '../redis/tracking.ts'
import type { Keys } from './keys.ts'

/**
 * Wakes who waits for a session to change: whatever is written to its record, by whichever gateway, is
 * announced. Where nothing is announced nobody is woken, so who waits has to look by itself now and then.
 */
export const createChanges = (tracking: Pick<Tracking, 'listen'>, keys: Keys) => {
  const waiting = new Map<string, Set<() => void>>()
  const wakeAll = (handle: string) => {
    for (const wake of waiting.get(handle) ?? []) wake()
  }
  const everybody = () => {
    for (const handle of waiting.keys()) wakeAll(handle)
  }
  tracking.listen({
    invalidated: names => {
      if (waiting.size === 0) return
      for (const name of names) {
        const handle = keys.handleOfKey(name)
        if (handle !== undefined) wakeAll(handle)
      }
    },
    flushed: everybody,
    up: everybody,
    down: () => undefined,
  })

  /** Calls `wake` whenever the session's record changes or goes; answers how to stop that. */
  const onChange = (handle: string, wake: () => void): (() => void) => {
    const wakes = waiting.get(handle) ?? new Set()
    waiting.set(handle, wakes.add(wake))
    return () => {
      wakes.delete(wake)
      if (wakes.size === 0 && waiting.get(handle) === wakes) waiting.delete(handle)
    }
  }
  return { onChange, size: () => waiting.size }
}
