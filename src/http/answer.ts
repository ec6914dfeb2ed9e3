import type { Audit } from '../audit.ts'
import { type ErrorCode, GatewayError, problemOf, retryAfterOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { isNavigation } from '../proxy/access.ts'
import { corsHeaders } from '../proxy/cors.ts'
import { hasBody } from '../proxy/request-body.ts'
import { auditOf, type Context } from './context.ts'
import { ownHeaders, problemAnswer } from './problem.ts'

export interface AnswerParts {
  readonly https: boolean
  /** Where a person can log in, a path of the public URL, if anywhere. */
  readonly loginPath: string | undefined
  readonly log: Log
  readonly audit: Audit
  readonly metrics: Metrics
}

/** A form that a person sent: what comes back is what they see next. */
const isFormPost = ({ method, req: { headers } }: Context): boolean =>
  method === 'POST' &&
  headers['sec-fetch-mode'] === 'navigate' &&
  headers['sec-fetch-dest'] === 'document'

/** Problems that end with a login: their answers say where. */
const loggingInHelps: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['no_session', 'session_not_kept', 'login_expired'] as const),
  ...(['login_failed', 'login_refused', 'login_ended', 'step_up_required'] as const),
])

export type Answers = ReturnType<typeof createAnswers>

/** The answers that the gateway words itself, on the raw response. */
export const createAnswers = ({ https, loginPath, log, audit, metrics }: AnswerParts) => {
  /** `headers` are flat; the length is added. Does nothing once an answer has begun. */
  const send = (
    { req, res }: Context,
    status: number,
    headers: readonly string[],
    body: string | Buffer,
  ): void => {
    if (res.headersSent || res.destroyed) return
    const block = [...headers]
    // PX-04: a body that was not read must not be parsed as the next request, nor be read to its end.
    if (hasBody(req) && !req.complete) res.shouldKeepAlive = false
    if (status !== 204) block.push('content-length', String(Buffer.byteLength(body)))
    res.writeHead(status, block)
    res.end(body)
  }

  /** Where to log in, and come back from to the page that was wanted. */
  const loginLink = (
    { route, path, query, returnTo }: Context,
    { again = false, stepUp = false } = {},
  ): string | undefined => {
    if (loginPath === undefined) return undefined
    const wanted = route?.pages === true ? path + query : returnTo
    const { acr = [], maxAge } = (stepUp && route?.require) || {}
    const parameters = new URLSearchParams({
      ...(acr.length > 0 && { acr: acr.join(' ') }),
      ...(maxAge !== undefined && { max_age: String(Math.trunc(maxAge / 1000)) }),
      ...(again && { again: '1' }),
      ...(wanted !== undefined && { return_to: wanted }),
    })
    return parameters.size === 0 ? loginPath : `${loginPath}?${parameters}`
  }

  /** Refuses with the problem of `code`; `retryAfter` are seconds, if not those of its row. On a route with `cors`, an allowed origin may read why (CS-11). */
  const refuse = (context: Context, code: ErrorCode, allow?: string, retryAfter?: number): void => {
    const { route, req } = context
    context.refused = code
    metrics.refusals.inc({ code })
    audit({ event: 'refused', ...auditOf(context), code })
    const details = {
      requestId: context.id,
      login: loggingInHelps.has(code)
        ? loginLink(context, {
            again: code === 'session_not_kept',
            stepUp: code === 'step_up_required',
          })
        : undefined,
      allow,
      page: isNavigation(context.method, req.headers) || isFormPost(context),
    }
    const { status, headers, body } = problemAnswer(problemOf(code, retryAfter), details, https)
    if (status === 401 && details.login !== undefined) metrics.challenges.inc({ kind: 'link' })
    const cors = route === undefined ? [] : corsHeaders(route, req.headers.origin).headers
    send(context, status, [...headers, ...cors], body)
  }

  /** Refuses because something failed: the code on the wire, the cause in the log under the same request id. */
  const failed = (context: Context, error: unknown): void => {
    const code = error instanceof GatewayError ? error.code : 'internal'
    log[code === 'internal' ? 'error' : 'warn']({ id: context.id, code, err: error }, 'failed')
    refuse(context, code, undefined, retryAfterOf(error))
  }

  /** Sends a navigation to where it can log in, because it has no session or because that is not enough. */
  const challenge = (
    context: Context,
    code: 'no_session' | 'step_up_required' = 'no_session',
  ): void => {
    const location = loginLink(context, { stepUp: code === 'step_up_required' })
    if (location === undefined) return refuse(context, code)
    context.refused = code
    metrics.challenges.inc({ kind: 'redirect' })
    send(context, 303, [...ownHeaders(https), 'location', location], '')
  }

  return { send, refuse, failed, challenge }
}
