import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Why a command failed. A bounded set: it is a label. `refused`: the server answered with an error. */
export type CommandFailure = 'timeout' | 'connection' | 'refused'

const buckets = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5],
]

/** The link to Redis. */
export const createRedisMetrics = (registers: Registry[]) => {
  const redisUp = new Gauge({
    name: 'claimcheck_redis_up',
    help: '1 while the connection to Redis is ready',
    aggregator: 'min',
    registers,
  })
  const seconds = new Histogram({
    name: 'claimcheck_redis_command_seconds',
    help: 'From sending a command to its answer',
    ...{ buckets, registers },
  }).labels()
  const errors = new Counter({
    name: 'claimcheck_redis_errors_total',
    help: 'Commands to Redis that failed: timeout, connection (it was not there or was lost), refused (an error as answer)',
    labelNames: ['reason'] as const,
    registers,
  })
  for (const reason of ['timeout', 'connection', 'refused']) errors.inc({ reason }, 0)
  const invalidation = new Histogram({
    name: 'claimcheck_invalidation_seconds',
    help: 'From a write of the canary key to its announcement: how late a delete is heard of',
    ...{ buckets, registers },
  }).labels()
  return {
    redisUp,
    invalidation,
    /** Told of each command. */
    redisCommands: {
      answered: (took: number): void => seconds.observe(took),
      failed: (reason: CommandFailure): void => errors.inc({ reason }),
    },
  }
}
