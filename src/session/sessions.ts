import { randomBytes } from 'node:crypto'
import type { Config } from '../config/schema.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { announcementOptions } from '../redis/announcements.ts'
import { createRedis, openConnection, type RedisPlan } from '../redis/client.ts'
import { createTracking } from '../redis/tracking.ts'
import { createCache } from './cache.ts'
import { createChanges } from './changes.ts'
import { createKeys } from './keys.ts'
import { createLimits, limitRules } from './limits.ts'
import { createSealer } from './seal.ts'
import { createStore } from './store.ts'
import { createStreams } from './streams.ts'
import { createTombstones } from './tombstones.ts'
import { createVitals } from './vitals.ts'

export type Sessions = Awaited<ReturnType<typeof openSessions>>

/**
 * Everything that has to do with sessions, on the Redis of `plan`: the link, the announcements, the store, the
 * cache and the open streams. Does not wait for Redis; `ready` says whether it is there.
 */
export const openSessions = async (config: Config, plan: RedisPlan, log: Log, metrics: Metrics) => {
  const { session } = config
  const link = createRedis(plan, log, metrics.redisCommands)
  const endings = createRedis(plan, log)
  const redis = link.data
  const keys = createKeys(config.redis.keyPrefix)
  const tracking = createTracking({
    connect: () => openConnection(plan, announcementOptions),
    data: redis,
    prefixes: keys.announced,
    canaryKey: keys.canary(randomBytes(9).toString('base64url')),
    lease: session.cacheLease,
    log,
    measured: roundTrip => metrics.invalidation.observe(roundTrip / 1000),
  })
  let secrets = session.sealSecrets
  let sealer = createSealer(secrets)
  let rules = limitRules(config)
  const limits = createLimits({ redis, keys, rules: () => rules })
  const store = createStore({
    ...{ redis, keys, endings: endings.data },
    ...session,
    admit: limits.account,
    sealer: {
      seal: (...given) => sealer.seal(...given),
      open: (...given) => sealer.open(...given),
    },
  })
  const vitals = createVitals({ redis, keys })
  const tombstones = createTombstones({ redis, keys })
  const common = { store, keys, vitals, tombstones, log }
  const cache = createCache({
    ...common,
    tracking: session.cache === 'tracked' ? tracking : undefined,
    idleTimeout: session.idleTimeout,
  })
  const changes = createChanges(tracking, keys)
  const streams = createStreams({ ...common, cache, tracking, streamGrace: session.streamGrace })

  metrics.watchCache(cache.status)
  const heard = (): void => undefined
  const lost = (): void => metrics.trackingLosses.inc()
  tracking.listen({ invalidated: heard, flushed: heard, up: heard, down: lost })
  link.on('up', () => metrics.redisUp.set(1))
  link.on('down', () => metrics.redisUp.set(0))
  await Promise.all([link.connect(), endings.connect()])
  let backSince = Number.NEGATIVE_INFINITY
  link.on('up', () => {
    backSince = performance.now()
  })
  tracking.start()

  return {
    ...{ redis, keys, store, cache, streams, limits, tracking, onChange: changes.onChange },
    ready: link.ready,
    /** When the link to Redis was last made anew, in `performance.now()` milliseconds. */
    backSince: () => backSince,
    /** From now on these seal and open; a session under a secret that is not among them any more is none. */
    reseal: (wanted: readonly string[]): void => {
      if (!secrets.every(secret => wanted.includes(secret))) cache.clear()
      secrets = [...wanted]
      sealer = createSealer(secrets)
    },
    /** From now on these limits hold; what was counted stays counted. */
    limit: (next: Config): void => {
      rules = limitRules(next)
    },
    close: async (): Promise<void> => {
      streams.close()
      await tracking.close()
      await Promise.all([link.close(), endings.close()])
    },
  }
}
