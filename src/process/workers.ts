import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/schema.ts'
import type { Ending } from '../gateway.ts'
import type { Log } from '../log.ts'
import type { RedisPlan } from '../redis/options.ts'
import type { Report } from './calls.ts'
import { spawnWorker, type Worker } from './spawn.ts'
import { within } from './within.ts'

export interface WorkersParts {
  readonly count: number
  /** What they begin with. */
  readonly config: Config
  readonly redis: RedisPlan
  readonly log: Log
  /** A worker takes connections. */
  readonly up: (worker: Worker) => void
  /** It does not any more, because it is gone. */
  readonly down: (worker: Worker) => void
  /** One ended unasked, and will be started again. */
  readonly restarts: () => void
}

export type Workers = ReturnType<typeof createWorkers>

const shortestPause = 100
const longestPause = 5000
/** Milliseconds after which an end is a new accident, not the last one going on. */
const steady = 10_000
/** Milliseconds that a worker has to prepare a config, and to put it in place. */
const patience = { prepare: 10_000, settle: 1000 }
/** Milliseconds beyond the patience of an ending, for what follows after the last connection. */
const grace = 2000

/**
 * The worker processes of a gateway, numbered from 1: started, started again after growing pauses when
 * they end unasked, reloaded together, and ended.
 */
export const createWorkers = ({
  count,
  redis,
  log,
  up,
  down,
  restarts,
  ...parts
}: WorkersParts) => {
  const running = new Map<number, Worker>()
  const starting = new Set<Promise<Worker>>()
  const alive = new Set<ChildProcess>()
  const closing = new AbortController()
  const closed = once(closing.signal, 'abort')
  let { config } = parts
  let reloading: Promise<void> | undefined

  // However the primary ends: a worker that is stuck would not notice.
  const killAll = () => {
    for (const child of alive) child.kill('SIGKILL')
  }
  process.once('exit', killAll)

  /** Never during a reload: a worker either takes part in it or begins with what came of it. */
  const launch = async (worker: number): Promise<Worker> => {
    while (reloading !== undefined) await reloading
    const attempt = spawnWorker({ worker, config, redis }, alive).then(started => {
      running.set(worker, started)
      up(started)
      return started
    })
    starting.add(attempt)
    return attempt.finally(() => starting.delete(attempt))
  }

  const keep = async (first: Worker): Promise<void> => {
    let pause = shortestPause
    let worker: Worker | undefined = first
    while (worker !== undefined) {
      const began = performance.now()
      const reason = await worker.gone
      running.delete(worker.id)
      down(worker)
      if (closing.signal.aborted) return
      if (performance.now() - began > steady) pause = shortestPause
      log.error({ worker: worker.id, reason, pause }, 'a worker ended; it is started again')
      restarts()
      worker = await again(worker.id)
    }

    async function again(id: number): Promise<Worker | undefined> {
      for (;;) {
        await Promise.race([sleep(pause), closed])
        pause = Math.min(2 * pause, longestPause)
        if (closing.signal.aborted) return undefined
        try {
          return await launch(id)
        } catch (err) {
          if (!closing.signal.aborted)
            log.error({ err, worker: id, pause }, 'a worker does not start')
        }
      }
    }
  }

  const all = <T>(task: (worker: Worker) => Promise<T>): Promise<T[]> =>
    Promise.all([...running.values()].map(task))

  const end = async (worker: Worker, ending: Ending, over: number): Promise<void> => {
    worker.call('drain', ending).catch(() => undefined)
    if ((await Promise.race([worker.gone, sleep(over, false, { ref: false })])) !== false) return
    log.error({ worker: worker.id }, 'a worker did not end in time, and is killed')
    worker.kill()
    await worker.gone
  }

  return {
    /** Resolves when all of them take connections; rejects where one does not come up, and `drain` ends the others. */
    start: async (): Promise<void> => {
      const first = Array.from({ length: count }, (_, i) => launch(i + 1))
      const results = await Promise.allSettled(first)
      const failed = results.find(result => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      for (const worker of running.values()) void keep(worker)
    },
    /** How many take connections. */
    up: (): number => running.size,
    /**
     * Has all of them make a config ready. Rejects where one cannot, and then nothing has changed
     * anywhere; else `commit` puts it in place everywhere, also in workers that are started later.
     */
    prepare: async (next: Config): Promise<{ commit(): Promise<void> }> => {
      let finish = (): void => undefined
      reloading = new Promise(resolve => {
        finish = () => {
          reloading = undefined
          resolve()
        }
      })
      const settle = async (name: 'commit' | 'abandon'): Promise<void> => {
        // One that is stuck does it when it can, before anything else.
        const told = all(worker => worker.call(name, undefined).catch(() => undefined))
        finish()
        await within(patience.settle, told).catch(() => undefined)
      }
      await Promise.allSettled(starting)
      try {
        await all(worker => within(patience.prepare, worker.call('prepare', next)))
      } catch (error) {
        await settle('abandon')
        throw error
      }
      return {
        commit: () => {
          config = next
          return settle('commit')
        },
      }
    },
    /** What each of them has to report, by number; nothing from one that takes more than so many milliseconds. */
    report: async (limit: number): Promise<Map<number, Report>> => {
      const reports = new Map<number, Report>()
      await all(async worker => {
        const call = within(limit, worker.call('report', undefined))
        const report = await call.catch(() => undefined)
        if (report !== undefined && running.get(worker.id) === worker)
          reports.set(worker.id, report)
      })
      return reports
    },
    /** Resolves when all of them are gone: by themselves, or killed when the time is over. */
    drain: async (ending: Ending): Promise<void> => {
      closing.abort()
      await Promise.allSettled(starting)
      const over = (ending.patience ?? 25_000) + grace
      await all(worker => end(worker, ending, over))
      process.off('exit', killAll)
    },
  }
}
