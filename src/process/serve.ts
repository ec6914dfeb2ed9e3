import { availableParallelism } from 'node:os'
import type { Config } from '../config/schema.ts'
import { createGateway } from '../gateway.ts'
import { openStandardOutput } from '../log/standard-output.ts'
import { createLog } from '../log.ts'
import { toldToEnd } from './drain.ts'
import { loadChecked } from './load.ts'
import { createPrimary } from './primary.ts'
import { createReload } from './reload.ts'

export interface ServeOptions {
  readonly configFile: string
  readonly env: NodeJS.ProcessEnv
}

/** Milliseconds. Kubernetes kills after 30 s; a proxy before us may have a request on its way. */
const ending = { linger: 1_000, patience: 25_000 }

const workersOf = ({ workers }: Config): number =>
  workers === 'auto' ? availableParallelism() : workers

/**
 * Runs the gateway of a config file until SIGTERM or SIGINT; SIGHUP reloads the file. Throws `SetupError`
 * before anything listens where the config or the embedded Redis does not allow a start.
 */
export const serve = async ({ configFile, env }: ServeOptions): Promise<void> => {
  const load = () => loadChecked(configFile, env)
  const compiled = load()
  const { config } = compiled
  const output = openStandardOutput(workersOf(config) > 1 ? 'shared' : 'alone')
  const log = createLog(config.log.level, output)
  let reload = async (): Promise<void> =>
    log.warn('not reloaded: not listening yet, or not any more')
  const idle = reload
  process.on('SIGHUP', () => void reload())

  const workers = workersOf(config)
  const gateway =
    workers === 1 ? await createGateway(compiled, log) : await createPrimary(compiled, log, workers)
  const { metrics } = gateway
  log.info({ ...(await gateway.listen()), workers }, 'listening')
  reload = createReload({ load, config, apply: gateway.reload, log, metrics })
  await toldToEnd(log)
  reload = idle
  await gateway.close(ending)
  log.info('closed')
}
