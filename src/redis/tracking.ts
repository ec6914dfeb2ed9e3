import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Log } from '../log.ts'
import { arm, destroy, TrackingRefused } from './announcements.ts'
import { createCanary } from './canary.ts'
import { within } from './patience.ts'

/** `unsupported`: the server answers but does not announce changes; asked again now and then. */
export type TrackingState = 'up' | 'down' | 'unsupported'

/** Called synchronously, some inside the parser of the connection: none may throw. */
export interface TrackingListener {
  /** These keys were written, expired or deleted. */
  invalidated(keys: readonly string[]): void
  /** Anything may have changed, on a link that holds. */
  flushed(): void
  /** From here on every change is announced. What was known before is worth nothing. */
  up(): void
  /** From here on changes may be missed. */
  down(): void
}

export type Tracking = ReturnType<typeof createTracking>

export interface TrackingOptions {
  /** A new, unconnected connection to the server of `data`, made with `announcementOptions`. */
  connect: () => Redis
  data: Redis
  /** Full names or beginnings of names; none may be the beginning of another. */
  prefixes: readonly string[]
  /** A key of this process alone. */
  canaryKey: string
  /** Milliseconds that silence may last before what is known here is no longer trusted. */
  lease: number
  log: Log
  /** Told of the milliseconds from each canary's write to its announcement. */
  measured?: (roundTrip: number) => void
}

/** One connection's life. What it learns late is written here, where nobody looks any more. */
interface Link {
  readonly redis: Redis
  /** Aborted with the reason when the link is no longer to be trusted. */
  readonly signal: AbortSignal
  leaseUntil: number
}

/**
 * Hears of every write under `prefixes` in about a millisecond, and knows when it may have gone deaf:
 * the lease is extended only by PONGs on the announcing connection, counted from when the PING was sent.
 * Redis queues the announcement of a DEL before it answers any later PING, so a PONG proves that every
 * DEL acknowledged before its PING was heard.
 */
export const createTracking = (options: TrackingOptions) => {
  const { data, lease, log, canaryKey } = options
  const patience = lease * 1.5
  const canary = createCanary({ data, key: canaryKey, patience })
  const listeners: TrackingListener[] = []
  const closing = new AbortController()
  let trusted: Link | undefined
  let refused = false
  let epoch = 0
  let roundTrip: number | undefined

  const heard = (keys: readonly Buffer[] | undefined) => {
    if (keys === undefined) {
      epoch++
      for (const listener of listeners) listener.flushed()
      return
    }
    const names = keys.map(String)
    const others = names.filter(name => name !== canaryKey)
    if (others.length < names.length) canary.heard()
    if (others.length === 0) return
    for (const listener of listeners) listener.invalidated(others)
  }
  const goUp = (link: Link) => {
    trusted = link
    epoch++
    log.info('Redis announces changes: requests are served from memory')
    for (const listener of listeners) listener.up()
  }
  const goDown = (link: Link) => {
    if (trusted !== link) return
    trusted = undefined
    epoch++
    const err: unknown = link.signal.reason
    if (!closing.signal.aborted)
      log.warn({ err }, 'changes may be missed: every request asks Redis')
    for (const listener of listeners) listener.down()
  }

  /** What was announced before the PING is heard when its answer is there. Extends the lease. */
  const ping = async (link: Link) => {
    const sent = performance.now()
    await within(link.redis.ping(), patience, 'PONG', link.signal)
    link.leaseUntil = sent + lease
    return sent
  }
  const prove = async (link: Link) => {
    const took = await canary.send(link.signal)
    if (took === undefined) throw new TrackingRefused('a write was not announced')
    roundTrip = took
    options.measured?.(took)
  }
  const keepLease = async (link: Link) => {
    for (let sent = performance.now(); ; ) {
      const rest = Math.max(0, sent + lease / 4 - performance.now())
      await sleep(rest, undefined, { signal: link.signal })
      sent = await ping(link)
    }
  }
  const keepCanary = async (link: Link) => {
    for (;;) {
      await sleep(lease * 2, undefined, { signal: link.signal })
      await prove(link)
    }
  }

  /** From connecting to the loss, whose reason it rejects with. */
  const live = async (wasUp: () => void): Promise<never> => {
    const loss = new AbortController()
    const { signal } = loss
    const link: Link = { redis: options.connect(), signal, leaseUntil: Number.NEGATIVE_INFINITY }
    const lose = (reason: unknown) => {
      loss.abort(reason)
      goDown(link)
    }
    const dataClosed = () => lose(new Error('the data connection closed'))
    const closed = () => lose(closing.signal.reason)
    link.redis.on('error', lose)
    link.redis.on('close', () => lose(new Error('the announcing connection closed')))
    data.on('close', dataClosed)
    closing.signal.addEventListener('abort', closed)
    try {
      const armed = arm(link.redis, [...options.prefixes, canaryKey], heard)
      await within(armed, Math.max(patience, 2_000), 'connection', signal)
      await prove(link)
      await ping(link)
      goUp(link)
      wasUp()
      return await Promise.race([keepLease(link), keepCanary(link)])
    } catch (error) {
      lose(error)
      throw signal.reason
    } finally {
      data.off('close', dataClosed)
      closing.signal.removeEventListener('abort', closed)
      destroy(link.redis)
    }
  }

  const run = async (): Promise<void> => {
    const { signal } = closing
    let failures = 0
    const wasUp = () => {
      failures = 0
    }
    while (!signal.aborted) {
      const err: unknown = await live(wasUp).catch(reason => reason)
      const news = err instanceof TrackingRefused && !refused
      if (news) log.warn({ err }, 'Redis does not announce changes: every request asks it')
      refused = err instanceof TrackingRefused
      const wait = refused ? Math.min(1_000 * 2 ** failures, 30_000) : Math.min(50 * failures, 500)
      failures++
      await sleep(wait, undefined, { signal }).catch(() => undefined)
    }
  }

  let running: Promise<void> | undefined
  return {
    /** Before this moment (`performance.now()` milliseconds) what was heard is the truth to within `lease`. */
    leaseUntil: () => (trusted === undefined ? Number.NEGATIVE_INFINITY : trusted.leaseUntil),
    state: (): TrackingState => {
      if (trusted !== undefined) return 'up'
      return refused ? 'unsupported' : 'down'
    },
    /** Another number after each `up`, `down` and `flushed`: what was asked in an older one may have missed changes. */
    epoch: () => epoch,
    /** Milliseconds from the last canary's write to its announcement; undefined before the first. */
    roundTrip: () => roundTrip,
    /** For the life of the tracking; earlier listeners are called first. */
    listen: (listener: TrackingListener) => void listeners.push(listener),
    start: () => {
      running ??= run()
    },
    close: async (): Promise<void> => {
      closing.abort(new Error('closed'))
      await running
    },
  }
}
