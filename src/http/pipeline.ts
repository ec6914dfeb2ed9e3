import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Log } from '../log.ts'
import type { Refresh } from '../login/refresh.ts'
import { decide } from '../proxy/access.ts'
import { ticketOf } from '../proxy/cookies.ts'
import { corsHeaders, isPreflight, preflightHeaders } from '../proxy/cors.ts'
import { crossSite } from '../proxy/cross-site.ts'
import { wrongWithFraming } from '../proxy/framing.ts'
import type { ProxyPlan, RoutePlan } from '../proxy/plan.ts'
import { hasBody } from '../proxy/request-body.ts'
import { readTarget, type Target } from '../proxy/target.ts'
import { wrongWithHandshake } from '../proxy/upgrade.ts'
import type { Cache } from '../session/cache.ts'
import type { Session } from '../session/store.ts'
import { handleOf, isTicket } from '../session/ticket.ts'
import type { Answers } from './answer.ts'
import type { CapturedLogin } from './captured-login.ts'
import type { Context } from './context.ts'
import type { Forwarder } from './forwarder.ts'
import type { OwnEndpoints } from './own-endpoints.ts'
import { receiveUpgrade, type Upgrade } from './upgrades.ts'

export interface PipelineParts {
  readonly publicOrigin: string
  readonly plan: ProxyPlan
  readonly own: OwnEndpoints
  readonly cookieName: string
  readonly cache: Cache
  readonly forwarder: Forwarder
  readonly login: CapturedLogin
  readonly refreshIfDue: Refresh['refreshIfDue']
  readonly answers: Answers
  readonly open: (req: IncomingMessage, res: ServerResponse, upgrade?: Upgrade) => Context
  readonly log: Log
}

/**
 * The way of a request, step by step, in the order that makes it safe: one reading of the target,
 * then route and method, then the cross-site check (a forged request has no side effect), then the
 * ticket, the session, the access rules, and only then the upstream. A warm request runs through it
 * without a promise.
 */
export const createPipeline = (parts: PipelineParts) => {
  const { plan, own, cache, forwarder, answers, log } = parts

  const handle = (req: IncomingMessage, res: ServerResponse, fastify: RequestListener): void =>
    walk(parts.open(req, res), fastify)

  /** The same way for a request with `Upgrade`. One that does not ask for a WebSocket is answered as if it had none. */
  const upgrade = (
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    fastify: RequestListener,
  ): void => {
    const received = receiveUpgrade(req, socket, head)
    if (received === undefined) return
    const context = parts.open(req, received.res, received.upgrade)
    // A body is among the bytes that were not parsed; and Node has not asked for Host as it does elsewhere.
    if (hasBody(req) || req.headers.host === undefined)
      return answers.refuse(context, 'upgrade_refused')
    walk(context, fastify)
  }

  const walk = (context: Context, fastify: RequestListener): void => {
    const { req } = context
    const wrong = wrongWithFraming(req)
    if (wrong !== undefined) return answers.refuse(context, wrong)

    const target = readTarget(req.url ?? '', parts.publicOrigin)
    if (target.kind === 'refused') return answers.refuse(context, target.code)
    context.path = target.path
    context.query = target.query

    const endpoint = own.match(target, context.method)
    if (endpoint.kind === 'refused') return answers.refuse(context, endpoint.code, endpoint.allow)
    if (endpoint.kind === 'own') {
      if (context.upgrade !== undefined) return answers.refuse(context, 'upgrade_refused')
      return own.hand(context, endpoint.endpoint, fastify)
    }

    if (isPreflight(context.method, req.headers) && answerPreflight(context, target)) return
    const matched = plan.match(target, context.method)
    if (matched.kind === 'refused')
      return answers.refuse(context, matched.code, 'allow' in matched ? matched.allow : undefined)
    const { route } = matched
    context.route = route

    const websocket = context.upgrade !== undefined
    if (websocket) {
      const wrong = route.websocket ? wrongWithHandshake(req) : 'a route without websocket'
      if (wrong !== undefined) {
        log.debug({ id: context.id, why: wrong }, 'upgrade refused')
        return answers.refuse(context, 'upgrade_refused')
      }
    }
    // A client that brings its own token and no ticket: no session is involved.
    const existing =
      route.allowClientAuthorization &&
      req.headers.authorization !== undefined &&
      ticketOf(req.headers.cookie, parts.cookieName).kind === 'none'
    if (route.guarded) {
      const rules = existing ? { ...route.crossSite, capture: true } : route.crossSite
      const verdict = crossSite(context.method, req.headers, rules, websocket)
      if (verdict.kind === 'refuse') {
        log.debug({ id: context.id, why: verdict.reason }, 'cross-site request refused')
        return answers.refuse(context, 'cross_site')
      }
    }
    if (route.capture !== undefined) return parts.login(context, route)
    if (route.auth === 'none' || existing) return forwarder.forward(context, route, undefined)

    const found = ticketOf(req.headers.cookie, parts.cookieName)
    if (found.kind === 'many') return answers.refuse(context, 'ambiguous_ticket')
    if (found.kind === 'none' || !isTicket(found.value)) {
      return admit(context, route, '', undefined)
    }

    const ticket = found.value
    const handle = handleOf(ticket)
    context.handle = handle
    const session = cache.peek(handle)
    if (session !== undefined) return admit(context, route, ticket, session)
    cache.read(ticket, handle).then(
      read => admit(context, route, ticket, read),
      error => answers.failed(context, error),
    )
  }

  /** Answers for the route of the method that is asked for, if that lists the origin (CS-10); else it is any OPTIONS. */
  const answerPreflight = (context: Context, target: Target): boolean => {
    const { headers } = context.req
    const asked = plan.match(target, headers['access-control-request-method'] ?? '')
    if (asked.kind === 'refused' || !corsHeaders(asked.route, headers.origin).listed) return false
    context.route = asked.route
    answers.send(context, 204, [...preflightHeaders(asked.route, headers)], '')
    return true
  }

  const admit = (
    context: Context,
    route: RoutePlan,
    ticket: string,
    session: Session | undefined,
  ): void => {
    const verdict = decide(route, session, context.req)
    switch (verdict.kind) {
      case 'forward':
        if (session === undefined) return forwarder.forward(context, route, undefined)
        return freshen(context, route, ticket, session)
      case 'login':
        return answers.challenge(context)
      case 'step_up':
        if (verdict.navigation) return answers.challenge(context, 'step_up_required')
        return answers.refuse(context, 'step_up_required')
      case 'refuse':
        return answers.refuse(context, verdict.code)
    }
  }

  /** Waits only where the token is over; after a wait it is asked again whether the session is live, and what it may. */
  const freshen = (context: Context, route: RoutePlan, ticket: string, session: Session): void => {
    const refreshed = parts.refreshIfDue(session, ticket)
    if (refreshed === 'fresh') return forwarder.forward(context, route, session)
    const { handle } = session
    context.trace?.refreshing(refreshed)
    const proceed = async (): Promise<void> => {
      const outcome = await refreshed
      if (outcome.kind === 'unavailable') return answers.refuse(context, 'provider_unavailable')
      if (outcome.kind === 'gone') {
        cache.forget(handle)
        return admit(context, route, ticket, undefined)
      }
      // From Redis, because what is in memory may be the version before for a moment.
      admit(context, route, ticket, await cache.read(ticket, handle))
    }
    proceed().catch(error => answers.failed(context, error))
  }

  return { handle, upgrade }
}
