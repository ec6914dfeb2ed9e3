import { GatewayError } from '../errors.ts'
import type { TargetStatus } from '../metrics.ts'
import { createHealth, type Health } from './health.ts'
import type { AnswerHandler } from './line.ts'
import { LineError } from './line-error.ts'
import { Lines } from './lines.ts'
import type { TargetPlan, UpstreamPlan } from './plan.ts'
import type { UpstreamRequest } from './upstream-request.ts'
import { tlsOf } from './upstream-tls.ts'

/**
 * Requests and tunnels that one target may have open: bounds what a hanging upstream can take. Each has
 * a connection of its own, because behind a lower limit event streams that stay open would starve the rest.
 */
const maxOpen = 8192

interface Target {
  readonly plan: TargetPlan
  readonly lines: Lines
  /** Connections that serve one request each. */
  readonly fresh: Lines
  readonly health: Health
  active: number
}

export type Upstream = ReturnType<typeof createUpstream>

/** A request's place at one target; `release` it once, whatever became of the request. */
export interface Place {
  /** The upstream's own authority, for `Host`. */
  readonly authority: string
  dispatch(request: UpstreamRequest, handler: AnswerHandler): void
  /** The target has a connection for the request. */
  reached(): void
  /** The target could not be reached. True where the place is now at one that was not tried for this request. */
  moved(): boolean
  /** From now on `dispatch` opens a connection for the request alone. */
  renew(): void
  release(): void
}

const none: readonly Target[] = []

/** True for the end of a connection on which bytes came beside an answer, or in place of one. */
const isUnasked = (error: Error): boolean =>
  error instanceof LineError && (error.code === 'LINE_MALFORMED' || error.code === 'LINE_UNASKED')

type Another = (tried: readonly Target[]) => Target | undefined

class Taken implements Place {
  #target: Target
  readonly #another: Another
  #tried: readonly Target[] = none
  #alone = false

  constructor(target: Target, another: Another) {
    this.#target = target
    this.#another = another
    target.active++
  }

  get authority(): string {
    return this.#target.plan.authority
  }

  dispatch(request: UpstreamRequest, handler: AnswerHandler): void {
    const { lines, fresh, health } = this.#target
    if (this.#alone || health.isSuspect(performance.now()))
      fresh.dispatch({ ...request, reset: true }, handler)
    else lines.dispatch(request, handler)
  }

  reached(): void {
    this.#target.health.reached()
  }

  moved(): boolean {
    this.#target.health.failed(performance.now())
    this.#tried = [...this.#tried, this.#target]
    const next = this.#another(this.#tried)
    if (next === undefined) return false
    this.#target.active--
    this.#target = next
    next.active++
    return true
  }

  renew(): void {
    this.#alone = true
  }

  release(): void {
    this.#target.active--
  }
}

/**
 * The pooled connections of one upstream. Certificates are verified; no redirect is followed and nothing sent
 * twice. Time-outs other than that of the connection are the exchange's.
 */
export const createUpstream = (plan: UpstreamPlan, limit = maxOpen) => {
  const tls = tlsOf(plan)
  const timeout = plan.connectTimeout
  const targets: Target[] = plan.targets.map(target => {
    const { origin, socketPath } = target
    const health = createHealth()
    const lines = (lost: (error: Error) => void) =>
      new Lines({ origin, socketPath, timeout, tls, lost })
    const shared = lines(error => {
      if (!isUnasked(error)) return
      health.answeredUnasked(performance.now())
      // What is free may have been answered in advance as well.
      shared.closeFree()
    })
    return { plan: target, active: 0, health, lines: shared, fresh: lines(() => undefined) }
  })

  /** The least loaded target that is well; where none is, the one whose trial is due first. Those in `tried` are left out. */
  const choose = (tried: readonly Target[]): Target | undefined => {
    const [only] = targets
    if (targets.length === 1) return tried.length === 0 ? only : undefined
    const now = performance.now()
    let best: Target | undefined
    let due = 0
    for (const target of targets) {
      if (tried.includes(target)) continue
      const since = target.health.dueAt(now, target.active)
      if (best === undefined || since < due || (since === due && target.active < best.active)) {
        best = target
        due = since
      }
    }
    return best
  }

  /** Throws `upstream_busy` where every target has as many open as it may. */
  const take = (): Place => {
    const first = choose(none)
    if (first === undefined || first.active >= limit) {
      throw new GatewayError('upstream_busy', `${limit} open at each target of ${plan.name}`)
    }
    return new Taken(first, another)
  }
  const another = (tried: readonly Target[]): Target | undefined => {
    const next = choose(tried)
    return next !== undefined && next.active < limit ? next : undefined
  }

  const everyLine = targets.flatMap(({ lines, fresh }) => [lines, fresh])
  return {
    plan,
    take,
    active: () => targets.reduce((sum, target) => sum + target.active, 0),
    /** What is known of each target at the moment. */
    status: (): TargetStatus[] =>
      targets.map(({ plan: { origin, socketPath }, health, active }) => ({
        ...{ upstream: plan.name, target: socketPath ?? origin, active },
        up: health.isWell(),
        quarantined: health.isSuspect(performance.now()),
      })),
    destroy: (): void => {
      for (const lines of everyLine) lines.destroy()
    },
  }
}
