import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../audit.ts'
import { GatewayError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { StepUp } from '../login/begin.ts'
import type { Logout } from '../login/logout.ts'
import type { Oidc } from '../login/oidc.ts'
import type { Metrics } from '../metrics.ts'
import { networkOf } from '../proxy/client-address.ts'
import type { Limits } from '../session/limits.ts'
import type { Store } from '../session/store.ts'
import type { Streams } from '../session/streams.ts'
import { handleOf } from '../session/ticket.ts'
import { auditOf, contextOf } from './context.ts'
import type { OwnEndpoint } from './own-endpoints.ts'
import { cookieIn, ticketForLogin } from './presented.ts'
import { ownHeaders } from './problem.ts'
import { createSessionMade } from './session-made.ts'
import type { LoginCookie, TicketCookie } from './ticket-cookie.ts'

export interface LoginEndpointParts {
  readonly https: boolean
  readonly authPath: string
  readonly oidc: Oidc
  readonly finishLogout: Logout['finishLogout']
  readonly cookie: TicketCookie
  readonly loginCookie: LoginCookie
  readonly store: Store
  readonly limits: Pick<Limits, 'attempt' | 'check'>
  readonly streams: Streams
  readonly audit: Audit
  readonly metrics: Metrics
  readonly log: Log
}

export const loginEndpointTable: readonly OwnEndpoint[] = [
  { method: 'GET', path: '/login', access: 'page' },
  { method: 'GET', path: '/callback', access: 'open' },
  { method: 'GET', path: '/logout/callback', access: 'open' },
  { method: 'POST', path: '/backchannel-logout', access: 'open' },
]

/** A session made so recently and not presented now was not kept by the browser, in ms. */
const justNow = 30_000

/** LG-14: only a person's own navigation starts a login; images, frames and prefetches do not. */
const isTopLevel = ({ headers }: FastifyRequest): boolean => {
  const mode = headers['sec-fetch-mode']
  const dest = headers['sec-fetch-dest']
  const speculative = headers['sec-purpose'] !== undefined || headers['purpose'] === 'prefetch'
  return (mode ?? 'navigate') === 'navigate' && (dest ?? 'document') === 'document' && !speculative
}

const queryOf = ({ raw }: FastifyRequest): string => {
  const url = raw.url ?? ''
  const mark = url.indexOf('?')
  return mark < 0 ? '' : url.slice(mark)
}

/** A single parameter of a query; undefined where there is none, or more than one (LG-13). */
const one = (query: URLSearchParams, name: string): string | undefined => {
  const [value, ...more] = query.getAll(name)
  return more.length > 0 ? undefined : value
}

/** What a page may ask for beyond a login: each can only make it stricter. */
const stepUpOf = (query: URLSearchParams): StepUp => {
  const acr =
    one(query, 'acr')
      ?.split(' ')
      .filter(value => /^[\w.:/-]{1,200}$/.test(value)) ?? []
  const maxAge = one(query, 'max_age') ?? ''
  return {
    ...(acr.length > 0 && { acr }),
    ...(/^\d{1,6}$/.test(maxAge) && { maxAge: Number(maxAge) * 1000 }),
  }
}

/** That Redis is away is for the log-out itself to say, in the words that the provider knows. */
const unlessLimited = (error: unknown): void => {
  if (error instanceof GatewayError && error.code === 'rate_limited') throw error
}

/** Registers the endpoints of the OpenID login (DESIGN section 6 is their contract). */
export const registerLoginEndpoints = (app: FastifyInstance, parts: LoginEndpointParts): void => {
  const { oidc, cookie, loginCookie, store, limits, streams, audit, metrics } = parts
  const sessionMade = createSessionMade(parts)
  const at = (path: string): string => parts.authPath + path
  const own = ownHeaders(parts.https)

  const seeOther = (reply: FastifyReply, location: string, cookies: readonly string[]) => {
    for (let i = 0; i < own.length; i += 2) reply.header(own[i] ?? '', own[i + 1])
    for (const set of cookies) reply.header('set-cookie', set)
    return reply.redirect(location, 303)
  }

  /** The browser finished a login a moment ago and does not show its session: another login would end the same. */
  const wasLost = async (browser: string, ticket: string | undefined): Promise<boolean> => {
    if (ticket !== undefined) return false
    const last = await oidc.lastSession(browser)
    const made = last === undefined ? undefined : await store.show(last)
    return made !== undefined && (await store.now()) - made.created < justNow
  }

  app.get(at('/login'), async (request, reply) => {
    if (!isTopLevel(request)) throw new GatewayError('cross_site', 'a login starts by navigation')
    const query = new URLSearchParams(queryOf(request))
    const wanted = one(query, 'return_to')
    // A refusal's link leads to the same page; it is checked when a login starts.
    contextOf(request.raw).returnTo = wanted
    const browser = cookieIn(request.raw, loginCookie.name)
    const ticket = ticketForLogin(request.raw, cookie.name)
    if (browser !== undefined && !query.has('again') && (await wasLost(browser, ticket))) {
      throw new GatewayError('session_not_kept', 'a session of a moment ago was not presented')
    }
    await limits.attempt('login', networkOf(contextOf(request.raw).forwarding.client))
    const started = await oidc.startLogin({
      returnTo: wanted,
      loginCookie: browser,
      presentedTicket: ticket,
      stepUp: stepUpOf(query),
    })
    return seeOther(reply, started.location, [loginCookie.set(started.loginCookie)])
  })

  app.get(at('/callback'), async (request, reply) => {
    const context = contextOf(request.raw)
    await limits.attempt('callback', networkOf(context.forwarding.client))
    const ticket = ticketForLogin(request.raw, cookie.name)
    const agent = request.headers['user-agent']
    const stay = ticket === undefined ? () => undefined : streams.replacing(handleOf(ticket))
    const finished = await oidc
      .finishLogin({
        query: queryOf(request),
        loginCookie: cookieIn(request.raw, loginCookie.name),
        presentedTicket: ticket,
        ip: context.forwarding.client,
        ...(agent !== undefined && { agent }),
      })
      .catch(error => {
        stay()
        throw error
      })
    if (finished.kind === 'refused') {
      stay()
      context.returnTo = finished.returnTo
      throw new GatewayError(finished.code, finished.reason)
    }
    sessionMade(context, { ...finished, provider: 'oidc' })
    return seeOther(reply, finished.returnTo, [cookie.set(finished.ticket)])
  })

  app.get(at('/logout/callback'), async (request, reply) => {
    const path = await parts.finishLogout(queryOf(request), cookieIn(request.raw, loginCookie.name))
    return seeOther(reply, path ?? '/', [])
  })

  app.post(at('/backchannel-logout'), async (request, reply) => {
    const context = contextOf(request.raw)
    const network = networkOf(context.forwarding.client)
    await limits.check('logout-token', network).catch(unlessLimited)
    const body = Buffer.isBuffer(request.body) ? request.body.toString() : ''
    const outcome = await oidc.backchannelLogout(request.headers['content-type'], body)
    reply.header('cache-control', 'no-store').code(outcome.status)
    if (outcome.status === 200) {
      const { sub, sid, ended } = outcome
      metrics.sessionsEnded.inc({ cause: 'provider' }, ended)
      audit({
        event: 'sessions_ended',
        by: 'provider',
        outcome: 'done',
        ...auditOf(context),
        provider: 'oidc',
        sub,
        sid,
        ended,
      })
      return reply.send()
    }
    if (outcome.status === 400) await limits.attempt('logout-token', network).catch(unlessLimited)
    parts.log.warn({ id: context.id, reason: outcome.reason }, 'a logout token was refused')
    audit({ event: 'refused', ...auditOf(context), code: 'logout_token_refused' })
    if (outcome.status === 503) reply.header('retry-after', '5')
    return reply.send({
      error: outcome.status === 503 ? 'temporarily_unavailable' : 'invalid_request',
    })
  })
}
