import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Audit } from '../audit.ts'
import { GatewayError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import type { Cache } from '../session/cache.ts'
import { auditOfSelection, endSelected, readSelection } from '../session/selection.ts'
import { shownToAdmin } from '../session/shown.ts'
import type { Ended, Store } from '../session/store.ts'
import { isHandle } from '../session/ticket.ts'

export interface AdminSessionsParts {
  readonly token: string
  readonly store: Pick<Store, 'show' | 'list' | 'end' | 'endUser' | 'endSid' | 'endAll'>
  readonly cache: Pick<Cache, 'forget'>
  readonly audit: Audit
  readonly metrics: Metrics
}

/** Says whether an `Authorization` header is the token's, in a time that tells nothing of it (AD-02). */
export const createBearerCheck = (token: string) => {
  const digest = (text: string): Buffer => hash('sha256', text, 'buffer')
  const wanted = digest(token)
  return (authorization: string | undefined): boolean => {
    const [, given = ''] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
    return timingSafeEqual(digest(given), wanted)
  }
}

/** The names and values of a query. Throws `malformed_request` for a broken escape: values are literals. */
const pairsOf = ({ url }: FastifyRequest): URLSearchParams => {
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
  try {
    decodeURIComponent(query)
  } catch (cause) {
    throw new GatewayError('malformed_request', 'a broken escape in the query', { cause })
  }
  return new URLSearchParams(query)
}

const selectionOf = (request: FastifyRequest) => {
  const selection = readSelection(pairsOf(request))
  if (selection.kind === 'refused') throw new GatewayError('malformed_request', selection.reason)
  return selection
}

const handleIn = (request: FastifyRequest<{ Params: { handle: string } }>): string => {
  const { handle } = request.params
  if (!isHandle(handle)) throw new GatewayError('malformed_request', 'that is no handle')
  return handle
}

/** Session management for administrators. Each order is audited with its target and what became of it. */
export const registerAdminSessions = (app: FastifyInstance, parts: AdminSessionsParts): void => {
  const { store, cache, audit, metrics } = parts
  const isToken = createBearerCheck(parts.token)

  /** Carries out an order and answers what it did. */
  const carryOut = async (request: FastifyRequest, target: object, order: () => Promise<Ended>) => {
    const event = { event: 'sessions_ended', by: 'admin', via: 'api' } as const
    const line = { ...event, id: request.id, client: request.ip, ...target }
    try {
      const { ended, replicated } = await order()
      metrics.sessionsEnded.inc({ cause: 'admin' }, ended)
      audit({ ...line, outcome: 'done', ended, replicated })
      return { ended, replicated: replicated ?? null }
    } catch (error) {
      audit({ ...line, outcome: 'failed' })
      throw error
    }
  }

  app.register(async scope => {
    scope.addHook('onRequest', async (request, reply) => {
      if (isToken(request.headers.authorization)) return
      audit({ event: 'refused', id: request.id, client: request.ip, code: 'admin_refused' })
      reply.header('www-authenticate', 'Bearer')
      throw new GatewayError('admin_refused', 'no token, or another')
    })

    scope.get('/sessions', async request => {
      const selection = selectionOf(request)
      if (selection.kind !== 'user') {
        throw new GatewayError('malformed_request', 'provider and sub are needed')
      }
      const sessions = await store.list(selection.provider, selection.sub)
      return { sessions: sessions.map(shownToAdmin) }
    })

    scope.get<{ Params: { handle: string } }>('/sessions/:handle', async request => {
      const session = await store.show(handleIn(request))
      if (session === undefined) throw new GatewayError('not_found', 'no live session')
      return shownToAdmin(session)
    })

    scope.delete('/sessions', async request => {
      const selection = selectionOf(request)
      return carryOut(request, auditOfSelection(selection), () => endSelected(store, selection))
    })

    scope.delete<{ Params: { handle: string } }>('/sessions/:handle', async request => {
      const handle = handleIn(request)
      // Only to say in the audit log whose it was.
      const { provider, sub } = (await store.show(handle)) ?? {}
      return carryOut(request, { handle, provider, sub }, async () => {
        const ended = await store.end(handle, { mark: true })
        cache.forget(handle)
        return ended
      })
    })
  })
}
