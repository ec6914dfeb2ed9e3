import { type Foundation, openFoundation } from '../gateway/foundation.ts'
import { openPublicSide, type Prepared, type PublicSide } from '../gateway/public-side.ts'
import { createWorkerLog } from '../log.ts'
import { measure } from '../metrics/gathered.ts'
import { answerCalls, type Start } from './calls.ts'
import { compileChecked } from './load.ts'

/**
 * The program of a worker: the public side of a gateway, for the connections that the primary hands to
 * it. It is told everything by the primary, and ends with it.
 */
interface Running {
  readonly foundation: Foundation
  readonly publicSide: PublicSide
  readonly adopt: ReturnType<PublicSide['adopting']>
}

let running: Running | undefined
let prepared: Promise<Prepared> | undefined

const run = async ({ worker, config, redis }: Start): Promise<Running> => {
  const log = createWorkerLog(config.log.level, worker)
  const found = { plan: redis, close: async () => undefined }
  const foundation = await openFoundation(config, log, async () => found)
  const publicSide = await openPublicSide(compileChecked(config), foundation)
  return { foundation, publicSide, adopt: publicSide.adopting() }
}

const started = (): Running => {
  if (running === undefined) throw new Error('the worker is not started')
  return running
}

const taken = (): Promise<Prepared | undefined> => {
  const taken = prepared
  prepared = undefined
  // That it could not be prepared is known already.
  return Promise.resolve(taken).catch(() => undefined)
}

// Signals are for the primary; a terminal or a service manager may send them to all.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit(1))

answerCalls(
  {
    start: async value => {
      running = await run(value)
    },
    connection: (_, socket) => {
      // A client may have gone away on the way here.
      if (socket !== undefined) started().adopt(socket)
    },
    prepare: async config => {
      prepared = started().publicSide.prepare(compileChecked(config))
      await prepared
    },
    commit: async () => void (await taken())?.commit(),
    abandon: async () => {
      await (await taken())?.abandon()
    },
    report: async () => {
      const { foundation, publicSide } = started()
      return { metrics: await measure(foundation.metrics.registry), notes: publicSide.notes() }
    },
    drain: async ending => {
      const { foundation, publicSide } = started()
      await publicSide.close(ending)
      await foundation.close()
      foundation.closeAudit()
    },
  },
  () => process.exit(),
)
