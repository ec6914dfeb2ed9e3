import type { Metrics, RefreshOutcome } from '../metrics.ts'
import type { Exchange, Exchanged } from './exchange.ts'

const outcomes: Readonly<Record<Exchanged['kind'], RefreshOutcome>> = {
  tokens: 'renewed',
  over: 'over',
  foreign: 'foreign',
  rotated: 'failed',
  failed: 'failed',
}

/** The same exchange, counted and timed. */
export const metered = (
  exchange: Exchange,
  { refreshed }: Pick<Metrics, 'refreshed'>,
): Exchange => ({
  ...exchange,
  exchange: async (session, tokens) => {
    const asked = performance.now()
    const exchanged = await exchange.exchange(session, tokens)
    refreshed(outcomes[exchanged.kind], (performance.now() - asked) / 1000)
    return exchanged
  },
})
