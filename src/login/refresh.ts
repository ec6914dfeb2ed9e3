import { randomUUID } from 'node:crypto'
import type { Redis } from '../redis/client.ts'
import { createLeases } from '../redis/lease.ts'
import type { Keys } from '../session/keys.ts'
import type { Session } from '../session/store.ts'
import { isDue, isUsable, judge, type Refreshed } from './due.ts'
import type { Exchange } from './exchange.ts'
import { createQuiet } from './quiet.ts'
import { reasonOf } from './reason.ts'
import { createRenew, type Renewed, type RenewParts } from './renew.ts'
import { longestPause, savePatience } from './save.ts'
import { createWake } from './wake.ts'
import { createWatch } from './watch.ts'

export type { Refreshed } from './due.ts'

export interface RefreshParts extends RenewParts {
  readonly redis: Redis
  readonly keys: Keys
  /** By provider. */
  readonly exchanges: ReadonlyMap<string, Exchange>
  /** When Redis was last back after an outage, in `performance.now()` milliseconds; -Infinity where there was none. */
  readonly backSince: () => number
  /** Milliseconds that a refresh may take beside the provider's timeout, for the save and the keys. */
  readonly margin?: number
}

export type Refresh = ReturnType<typeof createRefresh>

/** How long somebody who waits for another gateway goes without looking, should the announcement be lost. */
const poll = 250
/** Milliseconds after an outage of Redis in which nobody begins: whoever has new tokens saves them first. */
const calm = 2 * longestPause
/** Milliseconds in which a session with a valid token does not ask again after a provider that is not known. */
const notReady = 1_000

/**
 * Keeps access tokens valid: one exchange a session over all gateways, detached from the requests that
 * caused it. While the old token is valid nobody waits. Who does wait, waits for the provider's timeout
 * and five seconds at most.
 *
 * A refresh token must not be sent again while somebody may hold what came for it, because a strict provider
 * then ends the grant. So a lease lasts for as long as its holder tries to save; who finds it held takes it
 * over only after having seen it unchanged for as long as a refresh takes. Time in which Redis could not be
 * asked does not count, so an outage of any length takes no lease away, and the kill of a holder costs one
 * such time. Where Redis itself has lost the lease, in a fail-over, nobody begins until it has been back for a
 * moment, and the holder is the first to be told.
 */
export const createRefresh = (parts: RefreshParts) => {
  const { redis, keys, store, exchanges, onChange, backSince, log, margin = 5_000 } = parts
  const leases = createLeases(redis)
  const renew = createRenew(parts)
  const flights = new Map<string, Promise<Refreshed>>()
  const quiet = createQuiet()
  let settling = 0

  /** The hot path: a comparison, and `fresh`, as long as the token is. Else what became of it; rejects with `redis_unavailable`. */
  const refreshIfDue = (session: Session, ticket: string): 'fresh' | Promise<Refreshed> => {
    if (session.tokenDeadline === Number.POSITIVE_INFINITY) return 'fresh'
    const exchange = exchanges.get(session.meta.provider)
    const now = performance.now()
    const usable = isUsable(session, now)
    if (exchange === undefined || !session.hasRefreshToken) {
      return usable ? 'fresh' : Promise.resolve({ kind: 'gone' })
    }
    if (!isDue(session, exchange.refreshBefore, now)) return 'fresh'
    if (!usable) return waitFor(session.handle, ticket, exchange)
    if (!flights.has(session.handle) && !quiet.is(session.handle, now)) {
      launch(session.handle, ticket, exchange).catch(error => {
        log.warn({ handle: session.handle, reason: reasonOf(error) }, 'a refresh failed')
      })
    }
    return 'fresh'
  }

  const waitFor = async (
    handle: string,
    ticket: string,
    exchange: Exchange,
  ): Promise<Refreshed> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Refreshed>(resolve => {
      timer = setTimeout(resolve, exchange.timeout + margin, { kind: 'unavailable' })
    })
    try {
      return await Promise.race([launch(handle, ticket, exchange), late])
    } finally {
      clearTimeout(timer)
    }
  }

  const launch = (handle: string, ticket: string, exchange: Exchange): Promise<Refreshed> => {
    const underWay = flights.get(handle)
    if (underWay !== undefined) return underWay
    const flight = fly(handle, ticket, exchange).finally(() => flights.delete(handle))
    flights.set(handle, flight)
    return flight
  }

  const fly = async (handle: string, ticket: string, exchange: Exchange): Promise<Refreshed> => {
    const names = { lease: keys.lease(handle), pause: keys.limit('refresh', handle) }
    const owner = randomUUID()
    const longest = exchange.timeout + margin
    const life = longest + savePatience
    const watch = createWatch(2 * poll)
    // Before the session is read: a change that comes after the answer is not missed.
    const wake = createWake(call => onChange(handle, call))
    try {
      for (;;) {
        const session = await store.read(ticket)
        if (session === undefined) return { kind: 'gone' }
        const now = performance.now()
        if (!isDue(session, exchange.refreshBefore, now)) return { kind: 'use', session }
        if (!(await exchange.ready())) {
          quiet.keep(handle, performance.now(), notReady)
          return judge(session)
        }
        const early = backSince() + calm - now
        if (early > 0) {
          await wake.wait(Math.min(poll, early))
          continue
        }
        const dead = watch.lasted() >= longest ? watch.of() : undefined
        const leased = await leases.acquire(names, owner, life, dead)
        if (leased.kind === 'ours') {
          const again = () => leases.acquire(names, owner, life, owner)
          // It may be lost in an outage.
          const stop = onChange(handle, () => void again().catch(() => undefined))
          const release = (pause: number) => leases.release(names, owner, pause)
          return await hold(renew(ticket, exchange, leased.tookOver).finally(stop), release)
        }
        if (leased.kind === 'paused') {
          quiet.keep(handle, performance.now(), leased.remaining)
          return judge(session)
        }
        watch.saw(leased.holder, performance.now())
        if (settling > 0) return judge(session)
        await wake.wait(poll)
      }
    } finally {
      wake.stop()
    }
  }

  const hold = async (
    renewing: Promise<Renewed>,
    release: (pause: number) => Promise<void>,
  ): Promise<Refreshed> => {
    let pauseFor = 0
    try {
      const { outcome, pause } = await renewing
      pauseFor = pause
      return outcome
    } finally {
      // Unreleased, it is taken over.
      await release(pauseFor).catch(() => undefined)
    }
  }

  /** Resolves when no refresh is under way: a token that was rotated must not die with the process. */
  const settle = async (): Promise<void> => {
    settling++
    while (flights.size > 0) await Promise.allSettled(flights.values())
    settling--
  }

  return { refreshIfDue, settle }
}
