import { type FastifyReply, fastify } from 'fastify'
import { type ErrorCode, GatewayError, problemOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { type AdminSessionsParts, registerAdminSessions } from './admin-sessions.ts'
import { createRequestId } from './context.ts'
import { problemAnswer } from './problem.ts'

/** Name → true (fine), or the reason why the gateway is not ready. */
export type Readiness = Readonly<Record<string, true | string>>

export interface AdminParts {
  readonly metrics: Pick<Metrics, 'contentType' | 'expose'>
  readonly log: Log
  readonly readiness: () => Readiness | Promise<Readiness>
  /** What an operator should know, though it keeps nothing from working. */
  readonly notes: () => readonly string[] | Promise<readonly string[]>
  /** Undefined where no token is configured: then there is no admin API. */
  readonly sessions: AdminSessionsParts | undefined
}

/** What Fastify itself refuses (a body that is no JSON, say) is the caller's mistake. */
const codeOf = (error: unknown): ErrorCode => {
  if (error instanceof GatewayError) return error.code
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  return status < 500 ? 'malformed_request' : 'internal'
}

/**
 * What the admin listener answers: probes, metrics and, with a token, session management. Its server is
 * another than the public one, so that no path of that can reach it (AD-01).
 */
export const createAdmin = ({ metrics, log, readiness, notes, sessions }: AdminParts) => {
  const app = fastify({ logger: false, genReqId: createRequestId })
  const refuse = (reply: FastifyReply, code: ErrorCode) => {
    const { status, headers, body } = problemAnswer(
      problemOf(code),
      { requestId: reply.request.id },
      false,
    )
    for (let i = 0; i < headers.length; i += 2) reply.header(headers[i] ?? '', headers[i + 1])
    // As bytes, or Fastify would add a charset that the type does not have.
    return reply.code(status).send(Buffer.from(body))
  }

  app.get('/livez', async (_request, reply) => reply.type('text/plain').send('live\n'))

  app.get('/readyz', async (_request, reply) => {
    const parts = await readiness()
    const ready = Object.values(parts).every(part => part === true)
    const checks = Object.fromEntries(
      Object.entries(parts).map(([name, part]) => [name, part === true ? 'ok' : part]),
    )
    return reply.code(ready ? 200 : 503).send({ ready, checks, notes: await notes() })
  })

  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.expose()),
  )

  if (sessions !== undefined) registerAdminSessions(app, sessions)

  app.setNotFoundHandler((_request, reply) => refuse(reply, 'not_found'))
  app.setErrorHandler((error, request, reply) => {
    const code = codeOf(error)
    const level = code === 'internal' ? 'error' : 'info'
    log[level]({ id: request.id, code, err: error }, 'admin request failed')
    return refuse(reply, code)
  })
  return app
}
