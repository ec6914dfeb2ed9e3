import { AggregatorRegistry, type Registry } from 'prom-client'

/** A metric of one process as plain data, which can be sent to another. */
interface MeasuredMetric {
  readonly name: string
  /** A word, whatever prom-client's types say. */
  readonly type: unknown
  readonly aggregator: unknown
  readonly values: readonly { readonly value: number; readonly labels: object }[]
}

export type Measured = readonly MeasuredMetric[]

/** All metrics of a registry as they are now. */
export const measure = (registry: Registry): Promise<Measured> => registry.getMetricsAsJSON()

/** Of these a sum says nothing: the lowest of all processes does. */
const lowest = new Set(['claimcheck_process_start_time_seconds', 'claimcheck_process_max_fds'])

const grows = ({ type }: MeasuredMetric): boolean => type === 'counter' || type === 'histogram'

const isMeasured = (metric: object): metric is MeasuredMetric =>
  'values' in metric && Array.isArray(metric.values)

const total = (all: readonly Measured[]) => AggregatorRegistry.aggregate([...all])

/**
 * The metrics of several processes as one page: sums, except where a metric says another way. What a
 * process that is gone had counted stays in the sums, as far as it had reported it, so that no counter
 * goes back.
 */
export const createGathered = () => {
  const reports = new Map<number, Measured>()
  let departed: Measured = []

  return {
    /** The last report of a worker counts. */
    report: (worker: number, measured: Measured): void => void reports.set(worker, measured),
    /** It is gone; the next one of this number begins at zero. */
    depart: (worker: number): void => {
      const last = (reports.get(worker) ?? []).filter(grows)
      reports.delete(worker)
      const metrics: object[] = total([departed, last]).getMetricsAsArray()
      departed = metrics.filter(isMeasured)
    },
    /** The exposition format of Prometheus; `own` are the metrics of this process. */
    expose: (own: Measured): Promise<string> => {
      const all = [own, ...reports.values(), departed].map(measured =>
        measured.map(metric =>
          lowest.has(metric.name) ? { ...metric, aggregator: 'min' } : metric,
        ),
      )
      return total(all).metrics()
    },
  }
}
