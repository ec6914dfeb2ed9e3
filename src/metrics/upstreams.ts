import { Counter, Gauge, type Registry } from 'prom-client'

/** One target of an upstream at the moment. */
export interface TargetStatus {
  /** Name of the upstream in the config, or the URL that stands for one. */
  readonly upstream: string
  /** Its address. */
  readonly target: string
  /** False while it is left alone because it could not be reached. */
  readonly up: boolean
  /** True while each of its connections serves one request only, because it answered what nobody asked. */
  readonly quarantined: boolean
  /** Requests and tunnels that are there. */
  readonly active: number
}

const labelNames = ['upstream', 'target'] as const

/** What is behind the gateway. Labels are what the config names. */
export const createUpstreamMetrics = (registers: Registry[]) => {
  const sources = new Set<() => readonly TargetStatus[]>()
  const targets = () => [...sources].flatMap(source => source())
  new Gauge({
    name: 'claimcheck_upstream_up',
    help: '0 while a target is left alone because it could not be reached',
    aggregator: 'min',
    ...{ labelNames, registers },
    collect() {
      this.reset()
      for (const { upstream, target, up } of targets()) this.set({ upstream, target }, up ? 1 : 0)
    },
  })
  new Gauge({
    name: 'claimcheck_upstream_quarantined',
    help: '1 while no two requests share a connection to a target, because it answered what nobody asked',
    aggregator: 'max',
    ...{ labelNames, registers },
    collect() {
      this.reset()
      for (const { upstream, target, quarantined } of targets())
        this.set({ upstream, target }, quarantined ? 1 : 0)
    },
  })
  new Gauge({
    name: 'claimcheck_upstream_active',
    help: 'Requests and tunnels that are open at a target',
    ...{ labelNames, registers },
    collect() {
      this.reset()
      for (const { upstream, target, active } of targets()) this.inc({ upstream, target }, active)
    },
  })
  const upstreamFailures = new Counter({
    name: 'claimcheck_upstream_failures_total',
    help: 'Requests that an upstream left without an answer, by the code of the problem',
    labelNames: ['upstream', 'code'] as const,
    registers,
  })
  return {
    upstreamFailures,
    /** From now on the targets of `source` are shown, the last one's word counts; calling the answer takes that back. */
    watchUpstreams: (source: () => readonly TargetStatus[]): (() => void) => {
      sources.add(source)
      return () => void sources.delete(source)
    },
  }
}
