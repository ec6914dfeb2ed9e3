import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../audit.ts'
import { type ErrorCode, GatewayError, retryAfterOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Logout } from '../login/logout.ts'
import type { Metrics } from '../metrics.ts'
import { ticketOf } from '../proxy/cookies.ts'
import type { Cache } from '../session/cache.ts'
import type { Session, Store } from '../session/store.ts'
import { handleOf, isTicket } from '../session/ticket.ts'
import type { Answers } from './answer.ts'
import { auditOf, contextOf } from './context.ts'
import { mySessionsTable, registerMySessions } from './my-sessions.ts'
import type { OwnEndpoint } from './own-endpoints.ts'
import { cookieIn } from './presented.ts'
import { ownHeaders } from './problem.ts'
import type { LoginCookie, TicketCookie } from './ticket-cookie.ts'

export interface EndpointParts {
  readonly https: boolean
  readonly authPath: string
  readonly cookie: TicketCookie
  readonly loginCookie: LoginCookie
  readonly startLogout: Logout['startLogout']
  readonly cache: Cache
  readonly store: Store
  readonly answers: Answers
  readonly audit: Audit
  readonly metrics: Metrics
  readonly log: Log
  /** Where the browser goes after a log-out, a path of the public URL. */
  readonly afterLogout: string
  /** The claims that a provider's sessions may show to their page. */
  readonly visibleClaims: (provider: string) => readonly string[]
}

/** What `createOwnEndpoints` lets through to the handlers below. */
export const endpointTable: readonly OwnEndpoint[] = [
  { method: 'GET', path: '/session', access: 'checked' },
  { method: 'POST', path: '/logout', access: 'checked' },
  ...mySessionsTable,
]

/** The presented ticket and its handle, or undefined where there is none that could be ours. Throws `ambiguous_ticket`. */
const presented = (request: FastifyRequest, cookieName: string) => {
  const found = ticketOf(request.raw.headers.cookie, cookieName)
  if (found.kind === 'many') throw new GatewayError('ambiguous_ticket', 'two session cookies')
  if (found.kind === 'none' || !isTicket(found.value)) return undefined
  return { ticket: found.value, handle: handleOf(found.value) }
}

/** What Fastify refuses itself is the client's fault where it says so: a body that is too long, a malformed type. */
const codeOf = (error: unknown): ErrorCode => {
  if (error instanceof GatewayError) return error.code
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status === 413) return 'body_too_large'
  return status < 500 ? 'malformed_request' : 'internal'
}

/** True for a form that a page submitted: its answer is what the person sees next. */
const isForm = (request: FastifyRequest): boolean => {
  const mode = request.headers['sec-fetch-mode']
  if (mode !== undefined) return mode === 'navigate'
  return request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
}

/** Registers the gateway's own endpoints (DESIGN section 6 is their contract). */
export const registerEndpoints = (app: FastifyInstance, parts: EndpointParts): void => {
  const { cookie, cache, answers } = parts
  const at = (path: string): string => parts.authPath + path
  const own = ownHeaders(parts.https)

  const prepare = (reply: FastifyReply): FastifyReply => {
    for (let i = 0; i < own.length; i += 2) reply.header(own[i] ?? '', own[i + 1])
    return reply
  }

  // Bodies are read to their (small) end as bytes: who wants to know what is in one parses it strictly.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  app.setErrorHandler((error, request, reply) => {
    const context = contextOf(request.raw)
    const code = codeOf(error)
    parts.log.warn({ id: context.id, err: error }, 'request failed')
    reply.hijack()
    answers.refuse(context, code, undefined, retryAfterOf(error))
  })

  const live = async (request: FastifyRequest): Promise<Session> => {
    const found = presented(request, cookie.name)
    if (found === undefined) throw new GatewayError('no_session', 'no ticket')
    contextOf(request.raw).handle = found.handle
    const session = cache.peek(found.handle) ?? (await cache.read(found.ticket, found.handle))
    if (session === undefined) throw new GatewayError('no_session', 'the session is not live')
    return session
  }

  registerMySessions(app, { ...parts, live, prepare })

  app.get(at('/session'), async (request, reply) => {
    const session = await live(request)
    const user: Record<string, unknown> = {}
    for (const name of parts.visibleClaims(session.meta.provider)) {
      if (Object.hasOwn(session.claims, name)) user[name] = session.claims[name]
    }
    const idleLeft = session.idleDeadline - performance.now()
    return prepare(reply).send({
      authenticated: true,
      user,
      expires_at: Math.floor(session.meta.expires / 1000),
      idle_expires_at: Math.floor((Date.now() + idleLeft) / 1000),
    })
  })

  app.post(at('/logout'), async (request, reply) => {
    const context = contextOf(request.raw)
    const found = presented(request, cookie.name)
    // Ended first, and only then is the cookie cleared: with Redis away the session lives on, and so must its cookie.
    const { session, location, loginCookie } = await parts.startLogout({
      ticket: found?.ticket,
      loginCookie: cookieIn(request.raw, parts.loginCookie.name),
      returnTo: parts.afterLogout,
    })
    context.handle = found?.handle
    if (found !== undefined) cache.forget(found.handle)
    if (session !== undefined) {
      const { provider, sub } = session.meta
      parts.audit({
        event: 'logout',
        ...auditOf(context),
        outcome: 'done',
        provider,
        sub,
        ended: 1,
      })
      parts.metrics.sessionsEnded.inc({ cause: 'logout' })
    }
    prepare(reply).header('set-cookie', cookie.clear())
    if (loginCookie !== undefined) reply.header('set-cookie', parts.loginCookie.set(loginCookie))
    if (isForm(request)) return reply.redirect(location, 303)
    return reply.send({ redirect: location })
  })
}
