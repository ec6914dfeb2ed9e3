import type { Log } from '../log.ts'

const signals = ['SIGTERM', 'SIGINT'] as const

/**
 * Resolves when the process is told to end, by SIGTERM or SIGINT. A second signal ends it at once, with
 * exit code 1, and what is under way is lost.
 */
export const toldToEnd = (log: Log): Promise<void> =>
  new Promise(resolve => {
    const again = (signal: NodeJS.Signals) => {
      log.warn({ signal }, 'ended at once')
      process.exit(1)
    }
    const first = (signal: NodeJS.Signals) => {
      for (const name of signals) process.off(name, first).on(name, again)
      log.info({ signal }, 'closing')
      resolve()
    }
    for (const name of signals) process.on(name, first)
  })
