import { performance } from 'node:perf_hooks'
import { GatewayError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import { claimHeaders } from '../proxy/claim-headers.ts'
import { corsHeaders } from '../proxy/cors.ts'
import type { Deadlines } from '../proxy/deadlines.ts'
import { Exchange } from '../proxy/exchange.ts'
import { failureOf } from '../proxy/failure.ts'
import type { RoutePlan } from '../proxy/plan.ts'
import { awaitsContinue, requestBody } from '../proxy/request-body.ts'
import type { RequestHeaders } from '../proxy/request-headers.ts'
import type { ResponseHeaders } from '../proxy/response-headers.ts'
import type { Sink } from '../proxy/sink.ts'
import type { Place, Upstream } from '../proxy/upstream.ts'
import type { Cache } from '../session/cache.ts'
import type { Session } from '../session/store.ts'
import type { Streams } from '../session/streams.ts'
import type { Answers } from './answer.ts'
import type { Context } from './context.ts'
import type { EventStreams } from './event-streams.ts'
import { Proxied } from './proxied.ts'
import { type Tunnels, Upgraded } from './upgrades.ts'

export interface ForwarderParts {
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly requestHeaders: RequestHeaders
  readonly responseHeaders: ResponseHeaders
  readonly deadlines: Deadlines
  readonly cache: Cache
  readonly streams: Streams
  readonly answers: Answers
  readonly tunnels: Tunnels
  readonly eventStreams: EventStreams
  readonly metrics: Metrics
}

/** Requests, answers and tunnels that one session may have open. */
const openPerSession = 256

export type Forwarder = ReturnType<typeof createForwarder>

/** Sends what was let through to its upstream. */
export const createForwarder = (parts: ForwarderParts) => {
  const { answers, cache, streams, tunnels, eventStreams, metrics, deadlines } = parts
  const hooks = {
    ...{ streams, deadlines, tunnels, eventStreams },
    cuts: metrics.streamsCut,
    active: (session: Session): void => cache.touch(session, performance.now()),
    responseHeaders: ({ route, req }: Context, received: readonly string[]): string[] => {
      if (route === undefined) throw new Error('an answer without a route')
      return parts.responseHeaders(received, route, corsHeaders(route, req.headers.origin).headers)
    },
    failed: (context: Context, error: unknown): void => {
      const failure =
        error instanceof GatewayError
          ? error
          : new GatewayError(failureOf(error), 'the upstream failed', { cause: error })
      const upstream = context.route?.upstream.name ?? ''
      const { code } = failure
      if (code.startsWith('upstream_')) metrics.upstreamFailures.inc({ upstream, code })
      answers.failed(context, failure)
    },
  }

  const bearerOf = (route: RoutePlan, session: Session | undefined): string | undefined => {
    if (session === undefined || route.token === 'none') return undefined
    const bearer = session.bearers[route.token]
    if (bearer === undefined)
      throw new GatewayError('not_allowed', `no ${route.token} in the session`)
    return bearer
  }

  /** Sends the request and lets its answer run into `sink`. Throws `GatewayError` for what is not sent. */
  const send = (
    context: Context,
    route: RoutePlan,
    session: Session | undefined,
    sink: Sink,
  ): void => {
    const { req, res, upgrade } = context
    if (session !== undefined && streams.open(session) >= openPerSession) {
      throw new GatewayError('too_many_requests', `${openPerSession} of a session`)
    }
    if (upgrade !== undefined) tunnels.check(session)
    const length = req.headers['content-length']
    if (route.maxBody > 0 && length !== undefined && Number(length) > route.maxBody) {
      throw new GatewayError('body_too_large', `content-length ${length}`)
    }
    const identity = {
      id: context.id,
      forwarding: context.forwarding,
      bearer: bearerOf(route, session),
      clientAuthorization: route.allowClientAuthorization && context.handle === undefined,
      claims: claimHeaders(route, session?.claims),
    }
    const upstream = parts.upstreams.get(route.upstream.name)
    if (upstream === undefined) throw new GatewayError('internal', `no ${route.upstream.name}`)
    const place: Place = upstream.take()
    const headers = parts.requestHeaders(req, route, place.authority, identity)
    if (typeof headers === 'string') {
      place.release()
      throw new GatewayError(headers, 'the header block is refused')
    }

    if (context.trace !== undefined) context.trace.sent(headers, upstream.plan.name)
    const proxied =
      upgrade === undefined
        ? new Proxied(context, session, hooks)
        : new Upgraded(context, upgrade, session, hooks)
    const exchange = new Exchange(sink, proxied, route, place, deadlines)
    proxied.exchange = exchange
    context.proxied = proxied
    // Only now is the client asked for the body that it holds back (PX-07).
    if (awaitsContinue(req)) res.writeContinue()
    exchange.start({
      method: context.method,
      path: route.upstreamPath(context.path) + context.query,
      headers,
      body: requestBody(req, route.maxBody),
      upgrade: upgrade === undefined ? null : 'websocket',
    })
  }

  /** `session` was live when this was called, without a wait in between. */
  const forward = (context: Context, route: RoutePlan, session: Session | undefined): void => {
    // It left while its session was looked up: nobody would ever end a stream that begins now.
    if (context.res.destroyed) return
    try {
      if (session !== undefined && route.slide) cache.touch(session, performance.now())
      send(context, route, session, context.res)
    } catch (error) {
      answers.failed(context, error)
    }
  }

  return { forward, send }
}
