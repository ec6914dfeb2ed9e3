import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { createCacheMetrics } from './metrics/cache.ts'
import { createRedisMetrics } from './metrics/redis.ts'
import { createRefreshMetrics } from './metrics/refreshes.ts'
import { createRequestMetrics } from './metrics/requests.ts'
import { createUpstreamMetrics } from './metrics/upstreams.ts'

export type { CacheStatus } from './metrics/cache.ts'
export type { CommandFailure } from './metrics/redis.ts'
export type { RefreshOutcome } from './metrics/refreshes.ts'
export type { RequestCount } from './metrics/requests.ts'
export type { TargetStatus } from './metrics/upstreams.ts'

export type Metrics = ReturnType<typeof createMetrics>

/** Why a session ended. A bounded set: it is a label. */
export type EndCause = 'logout' | 'replaced' | 'user' | 'admin' | 'provider' | 'limit' | 'refresh'

/**
 * The gateway's metrics, all named `claimcheck_…`, each with a bounded set of labels and nothing
 * personal in them (docs/operations.md lists them). One registry a gateway, so that two in one process
 * do not share counts.
 */
export const createMetrics = () => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'claimcheck_' })
  const registers = [registry]

  const refusals = new Counter({
    name: 'claimcheck_refusals_total',
    help: 'Requests answered by the gateway itself, by the code of the problem',
    labelNames: ['code'] as const,
    registers,
  })
  const challenges = new Counter({
    name: 'claimcheck_challenges_total',
    help: 'Requests that were shown the way to the login: by a redirect, or by the link in a 401',
    labelNames: ['kind'] as const,
    registers,
  })
  for (const kind of ['redirect', 'link']) challenges.inc({ kind }, 0)
  const sessionsCreated = new Counter({
    name: 'claimcheck_sessions_created_total',
    help: 'Sessions made, by provider',
    labelNames: ['provider'] as const,
    registers,
  })
  const sessionsEnded = new Counter({
    name: 'claimcheck_sessions_ended_total',
    help: 'Sessions ended by this gateway, by cause',
    labelNames: ['cause'] as const,
    registers,
  })
  const openStreams = new Gauge({
    name: 'claimcheck_open_streams',
    help: 'WebSockets and event streams that are open',
    labelNames: ['kind'] as const,
    registers,
  })
  const streamsCut = new Counter({
    name: 'claimcheck_streams_cut_total',
    help: 'Requests, answers and tunnels cut because their session was over, by reason',
    labelNames: ['reason'] as const,
    registers,
  })
  const reloads = new Counter({
    name: 'claimcheck_reloads_total',
    help: 'Reloads of the config; refused: the one before holds',
    labelNames: ['outcome'] as const,
    registers,
  })

  return {
    registry,
    contentType: registry.contentType,
    /** The exposition format of Prometheus. */
    expose: (): Promise<string> => registry.metrics(),
    ...{ refusals, challenges, sessionsCreated, sessionsEnded, openStreams, streamsCut, reloads },
    ...createRequestMetrics(registers),
    ...createRedisMetrics(registers),
    ...createCacheMetrics(registers),
    ...createUpstreamMetrics(registers),
    ...createRefreshMetrics(registers),
  }
}
