/**
 * Waits for calls that may come at any time, also between two waits: `subscribe` is given what to call,
 * and answers how to stop that.
 */
export const createWake = (subscribe: (call: () => void) => () => void) => {
  let called = false
  let resume: (() => void) | undefined
  const stop = subscribe(() => {
    called = true
    resume?.()
  })

  /** Resolves with the next call, at once if one came since the last wait, or after so many milliseconds. */
  const wait = async (milliseconds: number): Promise<void> => {
    if (!called) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, milliseconds)
        resume = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    called = false
    resume = undefined
  }

  return { wait, stop }
}
