import { Counter, Histogram, type Registry } from 'prom-client'

/** What became of a request, as one route counts it. `status` is what the client got; 0 where it went away before an answer. `seconds` from its arrival to the last byte. */
export type RequestCount = (status: number, seconds: number) => void

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What one route has counted. */
interface Counts {
  /** By class of status. */
  readonly statuses: Float64Array
  /** How many requests took longer than one bound and no longer than the next; the last are those beyond all bounds. */
  readonly durations: Float64Array
  seconds: number
}

const name = 'claimcheck_request_seconds'
const help = 'From the arrival of a request to the last byte of its answer'

/** The histogram of one route as prom-client passes it on; nothing where nothing was counted. */
const valuesOf = (route: string, { durations, seconds }: Counts) => {
  const sharedLabels = { route }
  let total = 0
  const bounds = [...buckets, '+Inf'].map((le, i) => {
    total += durations[i] ?? 0
    return { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: total }
  })
  if (total === 0) return []
  return [
    ...bounds,
    { metricName: `${name}_sum`, labels: {}, sharedLabels, value: seconds },
    { metricName: `${name}_count`, labels: {}, sharedLabels, value: total },
  ]
}

/** A histogram that is counted elsewhere. */
class Durations extends Histogram<'route'> {
  readonly #routes: ReadonlyMap<string, Counts>

  constructor(routes: ReadonlyMap<string, Counts>, registers: Registry[]) {
    super({ name, help, labelNames: ['route'], buckets, registers })
    this.#routes = routes
  }

  /** What the registry asks for the text, and `get` for everything else; prom-client's types do not have it. */
  async getForPromString() {
    const values = [...this.#routes].flatMap(([route, counts]) => valuesOf(route, counts))
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }
}

/** Requests by route. Plain numbers until somebody asks: a label look-up a request costs more than the rest. */
export const createRequestMetrics = (registers: Registry[]) => {
  const routes = new Map<string, Counts>()
  new Counter({
    name: 'claimcheck_requests_total',
    help: 'Requests by route and class of status (0xx: the client went away)',
    labelNames: ['route', 'status'] as const,
    registers,
    collect() {
      this.reset()
      for (const [route, { statuses }] of routes) {
        for (const [status, count] of statuses.entries()) {
          if (count > 0) this.inc({ route, status: `${status}xx` }, count)
        }
      }
    },
  })
  new Durations(routes, registers)
  const create = (route: string): Counts => {
    const counts = {
      statuses: new Float64Array(6),
      durations: new Float64Array(buckets.length + 1),
      seconds: 0,
    }
    routes.set(route, counts)
    return counts
  }
  return {
    /** The counter of one route. */
    route: (name: string): RequestCount => {
      const counts = routes.get(name) ?? create(name)
      const { statuses, durations } = counts
      return (status, seconds) => {
        const kind = Math.trunc(status / 100)
        statuses[kind] = (statuses[kind] ?? 0) + 1
        const bound = buckets.findIndex(le => seconds <= le)
        const bucket = bound < 0 ? buckets.length : bound
        durations[bucket] = (durations[bucket] ?? 0) + 1
        counts.seconds += seconds
      }
    },
  }
}
