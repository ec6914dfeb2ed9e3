import { Counter, Gauge, type Registry } from 'prom-client'

/** The workers of a gateway of several processes; only the primary has these. `up`: how many take connections. */
export const createWorkerMetrics = (registry: Registry, up: () => number) => {
  const registers = [registry]
  new Gauge({
    name: 'claimcheck_workers',
    help: 'Workers that take connections',
    registers,
    collect() {
      this.set(up())
    },
  })
  const restarts = new Counter({
    name: 'claimcheck_worker_restarts_total',
    help: 'Workers that ended unasked, and were to be started again',
    registers,
  })
  return { restarts }
}
