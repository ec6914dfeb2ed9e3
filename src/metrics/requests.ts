import { Counter, Histogram, type Registry } from 'prom-client'

/** What became of a request, as one route counts it. `status` is what the client got; 0 where it went away before an answer. `seconds` from its arrival to the last byte. */
export type RequestCount = (status: number, seconds: number) => void

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Requests by route. Plain numbers until somebody asks: a label look-up a request costs more than the rest. */
export const createRequestMetrics = (registers: Registry[]) => {
  const routes = new Map<string, { readonly counts: Float64Array; readonly count: RequestCount }>()
  new Counter({
    name: 'claimcheck_requests_total',
    help: 'Requests by route and class of status (0xx: the client went away)',
    labelNames: ['route', 'status'] as const,
    registers,
    collect() {
      this.reset()
      for (const [route, { counts }] of routes) {
        for (const [status, count] of counts.entries()) {
          if (count > 0) this.inc({ route, status: `${status}xx` }, count)
        }
      }
    },
  })
  const duration = new Histogram({
    name: 'claimcheck_request_seconds',
    help: 'From the arrival of a request to the last byte of its answer',
    labelNames: ['route'] as const,
    buckets,
    registers,
  })
  const create = (route: string) => {
    const counts = new Float64Array(6)
    const observed = duration.labels({ route })
    const count: RequestCount = (status, seconds) => {
      const kind = Math.trunc(status / 100)
      counts[kind] = (counts[kind] ?? 0) + 1
      observed.observe(seconds)
    }
    return { counts, count }
  }
  return {
    /** The counter of one route. */
    route: (name: string): RequestCount => {
      const known = routes.get(name) ?? create(name)
      routes.set(name, known)
      return known.count
    },
  }
}
