import { Redis, type RedisOptions } from 'ioredis'
import type { Log } from '../log.ts'
import { batchWrites } from './batch.ts'
import { watchFailover } from './failover.ts'
import { type CommandObserver, observeCommands } from './observe.ts'
import {
  connectionOptions,
  type RedisPlan,
  retryDelay,
  serverName,
  withoutPassword,
} from './options.ts'
import { shortcomingsOf } from './shortcomings.ts'

export type { Redis } from 'ioredis'
export type { RedisPlan } from './options.ts'

export interface RedisLink {
  /** The connection for sessions: RESP3, writes batched. Blocking commands on it would hold up everybody. */
  readonly data: Redis
  readonly ready: () => boolean
  /** Starts connecting. Resolves when ready, or after the command timeout without: the gateway starts anyway. */
  connect(): Promise<void>
  /** `up`: ready for commands, first or again. `down`: no longer; what was in flight has failed. */
  on(event: 'up' | 'down', listener: () => void): void
  /** Lets what was sent finish within the command timeout, then disconnects for good. */
  close(): Promise<void>
}

/**
 * A further connection to the same Redis. It connects when told to, fails fast and reconnects by itself;
 * the caller listens to its `error` event.
 */
export const openConnection = (plan: RedisPlan, overrides: RedisOptions = {}): Redis =>
  new Redis({ ...connectionOptions(plan), ...overrides, replyMapping: 'legacy' })

/** The same fault in other numbers (attempts, ports) is not news. */
const kindOf = (error: Error): string => error.message.replace(/\d+/g, '')

/** A reply that nobody asked for: from here on replies could reach the wrong command. */
const isOutOfStep = (error: Error): boolean => error.message.startsWith('Command queue state error')

/** The link between the gateway and its Redis. Throws `SetupError` for a plan that cannot be used. */
export const createRedis = (plan: RedisPlan, log: Log, observer?: CommandObserver): RedisLink => {
  const data = openConnection(plan)
  const server = serverName(plan)
  const listeners: Record<'up' | 'down', (() => void)[]> = { up: [], down: [] }
  const reported = new Set<string>()
  const told = new Set<string>()
  let up = false
  let closing = false
  let revival: NodeJS.Timeout | undefined

  const report = (kind: string, reason: string) => {
    if (closing || reported.has(kind)) return
    reported.add(kind)
    log.error({ server, reason }, 'no connection to Redis')
  }
  /** A server can be another one, or be configured anew, each time that it is connected to. */
  const inspect = async () => {
    const info = await data.info().catch(() => '')
    for (const shortcoming of shortcomingsOf(info)) {
      if (!told.has(shortcoming))
        log.warn({ server, shortcoming }, 'this Redis is not fit for sessions')
      told.add(shortcoming)
    }
  }
  const start = () => void data.connect().catch(() => undefined)

  batchWrites(data)
  if (observer !== undefined) observeCommands(data, observer)
  data.on('ready', () => {
    up = true
    reported.clear()
    log.info({ server }, 'connected to Redis')
    void inspect()
    for (const listener of listeners.up) listener()
  })
  data.on('error', (error: NodeJS.ErrnoException) => {
    if (isOutOfStep(error)) {
      data.stream.destroy()
      report('out of step', 'a reply came that no command waited for')
    } else {
      report(kindOf(error), withoutPassword(plan, error.message || error.code || error.name))
    }
  })
  data.on('close', () => {
    if (reported.size === 0) report('closed', 'the connection was closed')
    if (!up) return
    up = false
    for (const listener of listeners.down) listener()
  })
  // Nothing but close() ends the link: not a failure that ioredis does not retry either.
  data.on('end', () => {
    if (!closing) revival = setTimeout(start, retryDelay(Infinity))
  })

  const failover =
    plan.sentinel &&
    watchFailover(plan.sentinel, plan.url.startsWith('rediss:'), () => {
      // Elsewhere a connection is on its way, and asks for the master anyway.
      if (data.status === 'ready') data.disconnect(true)
    })

  return {
    data,
    ready: () => data.status === 'ready',
    connect: () =>
      new Promise(resolve => {
        if (data.status === 'ready') return resolve()
        const timer = setTimeout(resolve, plan.commandTimeout)
        data.once('ready', () => {
          clearTimeout(timer)
          resolve()
        })
        if (data.status === 'wait') start()
      }),
    on: (event, listener) => void listeners[event].push(listener),
    close: async () => {
      closing = true
      clearTimeout(revival)
      failover?.close()
      if (data.status === 'ready') await data.quit().catch(() => undefined)
      if (data.status !== 'end') data.disconnect()
    },
  }
}
