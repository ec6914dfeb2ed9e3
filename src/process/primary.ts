import { createServer } from 'node:net'
import { openAdminSide } from '../gateway/admin-side.ts'
import { openFoundation } from '../gateway/foundation.ts'
import type { Addresses, Compiled, Ending } from '../gateway.ts'
import { closeListener } from '../http/close-listener.ts'
import { listen } from '../http/listen.ts'
import type { Log } from '../log.ts'
import { createGathered, measure } from '../metrics/gathered.ts'
import { createWorkerMetrics } from '../metrics/workers.ts'
import { findRedis } from '../redis/find.ts'
import { createHandover } from './handover.ts'
import { createWorkers } from './workers.ts'

/** Milliseconds to wait for what workers report: a probe waits for a second at most. */
const reporting = { metrics: 1000, notes: 200 }
/** Milliseconds for connections that were accepted to reach a worker, once no more are. */
const handingOver = 1000

/**
 * A gateway of several processes: this one accepts the connections and hands them to `count` workers, has
 * the admin listener and the Redis if it is an embedded one, and speaks for all of them. Throws as
 * `createGateway` does.
 */
export const createPrimary = async (compiled: Compiled, log: Log, count: number) => {
  const { config } = compiled
  const foundation = await openFoundation(config, log, () => findRedis(config.redis, log))
  const { sessions, audit, metrics } = foundation
  const gathered = createGathered()
  const handover = createHandover()
  const workers = createWorkers({
    ...{ count, config, redis: foundation.plan, log, up: handover.add },
    down: worker => {
      handover.remove(worker)
      gathered.depart(worker.id)
    },
    restarts: () => restarts.inc(),
  })
  const { restarts } = createWorkerMetrics(metrics.registry, workers.up)
  let closing = false

  const gather = async (limit: number) => {
    const reports = await workers.report(limit)
    for (const [worker, report] of reports) gathered.report(worker, report.metrics)
    return reports
  }
  const adminSide = await openAdminSide(config, {
    log,
    metrics: {
      contentType: metrics.contentType,
      expose: async () => {
        await gather(reporting.metrics)
        return gathered.expose(await measure(metrics.registry))
      },
    },
    sessions: { store: sessions.store, cache: sessions.cache, audit, metrics },
    notes: async () => [
      ...new Set([...(await gather(reporting.notes)).values()].flatMap(({ notes }) => notes)),
    ],
    readiness: () => ({
      redis: sessions.ready() || 'not connected',
      workers: workers.up() > 0 || 'none is up',
      gateway: !closing || 'closing',
    }),
  })
  const listener = createServer({ pauseOnConnect: true }, handover.take)

  /** First whatever was accepted reaches a worker, which answers it; the probes last. */
  const close = async (ending: Ending = {}): Promise<void> => {
    closing = true
    await closeListener(listener)
    await handover.finish(handingOver)
    await workers.drain(ending)
    await foundation.close()
    await adminSide.close()
    foundation.closeAudit()
  }

  return {
    metrics,
    /** Starts the workers, then opens both listeners; gives their real addresses. Throws `SetupError` where one is taken. */
    listen: async (): Promise<Addresses> => {
      try {
        await workers.start()
        const url = await listen(listener, config.listen)
        return { url, admin: await adminSide.listen(config.admin.listen) }
      } catch (error) {
        await close()
        throw error
      }
    },
    /** Puts another config in place in all workers; rejects, and changes nothing, where one of them cannot. */
    reload: async (next: Compiled): Promise<void> => {
      const administer = await adminSide.prepare(next.config)
      const prepared = await workers.prepare(next.config)
      await prepared.commit()
      log.level = next.config.log.level
      administer()
    },
    close,
  }
}
