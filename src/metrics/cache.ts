import { Counter, Gauge, type Registry } from 'prom-client'

/** What a cache says of itself when it is asked; counts are since the start. */
export interface CacheStatus {
  readonly state: 'up' | 'down' | 'unsupported' | 'off'
  readonly hits: number
  readonly misses: number
  readonly lapses: number
  readonly entries: number
  readonly bytes: number
}

const states = ['up', 'down', 'unsupported', 'off'] as const

/** The sessions in memory. Nothing is counted here: the cache's own numbers are read when somebody asks. */
export const createCacheMetrics = (registers: Registry[]) => {
  let status = (): CacheStatus => ({
    ...{ state: 'off', hits: 0, misses: 0, lapses: 0, entries: 0, bytes: 0 },
  })
  const total = (name: string, help: string, read: (status: CacheStatus) => number) =>
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset()
        this.inc(read(status()))
      },
    })
  const size = (name: string, help: string, read: (status: CacheStatus) => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read(status()))
      },
    })
  total(
    'claimcheck_cache_hits_total',
    'Requests whose session was in memory and could be trusted: no command to Redis',
    ({ hits }) => hits,
  )
  total(
    'claimcheck_cache_misses_total',
    'Sessions that were asked for in Redis',
    ({ misses }) => misses,
  )
  total(
    'claimcheck_cache_lease_lapses_total',
    'Requests whose session was in memory but not trusted, because Redis had been silent for session.cacheLease',
    ({ lapses }) => lapses,
  )
  size('claimcheck_cache_entries', 'Sessions in memory', ({ entries }) => entries)
  size('claimcheck_cache_bytes', 'Estimated size of the sessions in memory', ({ bytes }) => bytes)
  new Gauge({
    name: 'claimcheck_tracking',
    help: '1 for what holds of the announcements of Redis: up, down, unsupported, or off (session.cache)',
    labelNames: ['state'] as const,
    registers,
    collect() {
      const { state } = status()
      for (const one of states) this.set({ state: one }, one === state ? 1 : 0)
    },
  })
  const trackingLosses = new Counter({
    name: 'claimcheck_tracking_losses_total',
    help: 'How often announcements could no longer be relied on',
    registers,
  })
  return {
    /** From now on these are the numbers. */
    watchCache: (source: () => CacheStatus): void => {
      status = source
    },
    trackingLosses,
  }
}
