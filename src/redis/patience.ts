/**
 * Settles as `promise` does; rejects after `milliseconds`, or with its reason once `signal` is aborted.
 * The deadline leaves the event loop one more turn, because after a stall of this process (SIGSTOP, a
 * long collection) timers run before the answers that wait in the sockets are read.
 */
export const within = <T>(
  promise: Promise<T>,
  milliseconds: number,
  what: string,
  signal: AbortSignal,
): Promise<T> => {
  const settled = new AbortController()
  const limit = new Promise<never>((_, reject) => {
    const late = () => reject(new Error(`no ${what} within ${milliseconds} ms`))
    const aborted = () => reject(signal.reason)
    const timer = setTimeout(() => setImmediate(late), milliseconds)
    signal.addEventListener('abort', aborted, { signal: settled.signal })
    settled.signal.addEventListener('abort', () => clearTimeout(timer))
    if (signal.aborted) aborted()
  })
  return Promise.race([promise, limit]).finally(() => settled.abort())
}
