import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../audit.ts'
import { GatewayError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import type { Cache } from '../session/cache.ts'
import { shownToPerson } from '../session/shown.ts'
import type { Ended, Session, Store } from '../session/store.ts'
import { auditOf, contextOf } from './context.ts'
import { devicesPage } from './devices-page.ts'
import type { OwnEndpoint } from './own-endpoints.ts'

export interface MySessionsParts {
  readonly authPath: string
  readonly store: Pick<Store, 'show' | 'list' | 'end' | 'endOthers' | 'endUser'>
  readonly cache: Pick<Cache, 'forget'>
  readonly audit: Audit
  readonly metrics: Metrics
  /** The session of a request, or a refusal. */
  readonly live: (request: FastifyRequest) => Promise<Session>
  /** Gives an answer the headers that all of ours have. */
  readonly prepare: (reply: FastifyReply) => FastifyReply
}

export const mySessionsTable: readonly OwnEndpoint[] = [
  { method: 'GET', path: '/sessions', access: 'checked' },
  { method: 'DELETE', path: '/sessions', access: 'checked' },
  { method: 'DELETE', path: '/sessions/:handle', access: 'checked' },
  { method: 'GET', path: '/devices', access: 'page' },
  { method: 'POST', path: '/devices', access: 'checked' },
]

const form = 'application/x-www-form-urlencoded'

/** A person's own sessions, as JSON and as a page: nobody else's are ever shown or ended (AD-07). */
export const registerMySessions = (app: FastifyInstance, parts: MySessionsParts): void => {
  const { store, cache, audit, metrics, live, prepare } = parts
  const at = (path: string): string => parts.authPath + path

  const settle = (request: FastifyRequest, target: object, { ended, replicated }: Ended) => {
    const event = { event: 'sessions_ended', by: 'user', outcome: 'done' } as const
    audit({ ...event, ...auditOf(contextOf(request.raw)), ...target, ended, replicated })
    metrics.sessionsEnded.inc({ cause: 'user' }, ended)
    return { ended, replicated: replicated ?? null }
  }

  /** No cookie is cleared, not even for one's own session: only a log-out does that. */
  const endOne = async (request: FastifyRequest, { meta }: Session, handle: string) => {
    const { provider, sub } = meta
    const session = await store.show(handle)
    if (session?.provider !== provider || session.sub !== sub) {
      throw new GatewayError('not_found', 'no live session of this person')
    }
    const ended = await store.end(handle, { mark: true })
    cache.forget(handle)
    return settle(request, { handle, provider, sub }, ended)
  }

  const endMany = async (request: FastifyRequest, { handle, meta }: Session, others: boolean) => {
    const { provider, sub } = meta
    const ended = others
      ? await store.endOthers(provider, sub, handle)
      : await store.endUser(provider, sub)
    if (!others) cache.forget(handle)
    return settle(request, { provider, sub, ...(others && { others }) }, ended)
  }

  app.get(at('/sessions'), async (request, reply) => {
    const { handle, meta } = await live(request)
    const listed = await store.list(meta.provider, meta.sub)
    const sessions = listed.map(session => shownToPerson(session, session.handle === handle))
    return prepare(reply).send({ sessions })
  })

  app.delete<{ Params: { handle: string } }>(at('/sessions/:handle'), async (request, reply) => {
    const session = await live(request)
    const answer = await endOne(request, session, request.params.handle)
    return prepare(reply).send(answer)
  })

  app.delete(at('/sessions'), async (request, reply) => {
    const [, query = ''] = request.url.split('?', 2)
    // Exactly this or nothing: a misspelt exception must not log this browser out too.
    if (query !== '' && query !== 'except=current') {
      throw new GatewayError('malformed_request', 'only except=current is known')
    }
    const session = await live(request)
    return prepare(reply).send(await endMany(request, session, query !== ''))
  })

  app.get(at('/devices'), async (request, reply) => {
    const { handle, meta } = await live(request)
    const sessions = await store.list(meta.provider, meta.sub)
    const { headers, body } = devicesPage(sessions, handle, at('/devices'))
    for (let i = 0; i < headers.length; i += 2) reply.header(headers[i] ?? '', headers[i + 1])
    return prepare(reply).send(body)
  })

  app.register(async scope => {
    scope.removeContentTypeParser(form)
    scope.addContentTypeParser(form, { parseAs: 'string' }, (_request, body, done) => {
      done(null, body)
    })

    // A form can only post: `end` is a handle, `others` or `all`.
    scope.post<{ Body: unknown }>(at('/devices'), async (request, reply) => {
      const fields = new URLSearchParams(typeof request.body === 'string' ? request.body : '')
      const [end = '', ...more] = fields.getAll('end')
      if (more.length > 0 || !/^(?:[0-9a-f]{64}|others|all)$/.test(end)) {
        throw new GatewayError('malformed_request', 'end is not a handle, others or all')
      }
      const session = await live(request)
      if (end === 'others' || end === 'all') await endMany(request, session, end === 'others')
      else await endOne(request, session, end)
      return prepare(reply).redirect(at('/devices'), 303)
    })
  })
}
