import { fixedChanges } from '../config/fixed.ts'
import type { Config } from '../config/schema.ts'
import { SetupError } from '../errors.ts'
import type { Compiled } from '../gateway.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'

export interface ReloadParts {
  /** Reads the file again. Throws `SetupError` with every problem, one a line. */
  readonly load: () => Compiled
  /** What the gateway runs with. */
  readonly config: Config
  /** Puts a config in place, everywhere or nowhere: rejects where it cannot, and then nothing has changed. */
  readonly apply: (compiled: Compiled) => Promise<void>
  readonly log: Log
  readonly metrics: Pick<Metrics, 'reloads'>
}

/**
 * Reloads the config when it is called; never rejects. What cannot be used changes nothing and is in
 * the log with its reason. A call during another is one more reload after it.
 */
export const createReload = ({ load, config, apply, log, metrics }: ReloadParts) => {
  let current = config
  let running: Promise<void> | undefined
  let again = false

  const refuse = (details: object, reason: string): void => {
    metrics.reloads.inc({ outcome: 'refused' })
    log.error(details, `the config is not reloaded, the one before holds: ${reason}`)
  }

  const reload = async (): Promise<void> => {
    try {
      const compiled = load()
      const keys = fixedChanges(current, compiled.config)
      if (keys.length > 0) return refuse({ keys }, 'these keys need a restart')
      await apply(compiled)
      current = compiled.config
      metrics.reloads.inc({ outcome: 'done' })
      log.info('the config is reloaded')
    } catch (err) {
      if (err instanceof SetupError)
        refuse({ problems: err.message.split('\n') }, 'it has problems')
      else refuse({ err }, 'it cannot be put in place')
    }
  }

  const loop = async (): Promise<void> => {
    do {
      again = false
      await reload()
    } while (again)
    running = undefined
  }

  return (): Promise<void> => {
    again = running !== undefined
    running ??= loop()
    return running
  }
}
