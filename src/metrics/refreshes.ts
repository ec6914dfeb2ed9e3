import { Counter, Histogram, type Registry } from 'prom-client'

/**
 * What a provider answered to a refresh. A bounded set: it is a label. `renewed`: new tokens. `over`: the
 * grant is over. `foreign`: tokens of somebody else. `failed`: nothing is known, the session is kept.
 */
export type RefreshOutcome = 'renewed' | 'over' | 'foreign' | 'failed'

const outcomes: readonly RefreshOutcome[] = ['renewed', 'over', 'foreign', 'failed']
const buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Refreshes at providers. */
export const createRefreshMetrics = (registers: Registry[]) => {
  const refreshes = new Counter({
    name: 'claimcheck_refreshes_total',
    help: 'Refreshes by what the provider made of them (failed: it is not known, and the session is kept)',
    labelNames: ['outcome'] as const,
    registers,
  })
  for (const outcome of outcomes) refreshes.inc({ outcome }, 0)
  const seconds = new Histogram({
    name: 'claimcheck_refresh_seconds',
    help: 'How long a refresh took at the provider',
    labelNames: ['outcome'] as const,
    ...{ buckets, registers },
  })
  return {
    refreshed: (outcome: RefreshOutcome, took: number): void => {
      refreshes.inc({ outcome })
      seconds.observe({ outcome }, took)
    },
  }
}
