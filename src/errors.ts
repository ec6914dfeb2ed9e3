/**
 * Every refusal that the gateway words itself: one row a code. `code` and `type` on the wire are
 * stable; the title is what a client may see; details belong in the log (exact there, vague here).
 */
const table = {
  malformed_request: { status: 400, title: 'The request is malformed or ambiguous' },
  upgrade_refused: { status: 400, title: 'The upgrade is malformed, or not offered here' },
  ambiguous_ticket: { status: 400, title: 'The request carries more than one session cookie' },
  login_expired: {
    status: 400,
    title: 'This login took too long, was finished before, or was started in another browser',
  },
  logout_token_refused: { status: 400, title: 'The logout token is not accepted' },
  session_not_kept: { status: 400, title: 'The browser did not keep the session' },
  no_session: { status: 401, title: 'There is no live session' },
  admin_refused: { status: 401, title: 'The admin token is missing or wrong' },
  cross_site: { status: 403, title: 'The request was made by another site' },
  not_allowed: { status: 403, title: 'The session does not allow this' },
  login_refused: { status: 403, title: 'The login provider refused this login' },
  step_up_required: { status: 403, title: 'This needs a stronger or more recent login' },
  login_ended: { status: 403, title: 'A log-out came in while this login was under way' },
  too_many_sessions: { status: 403, title: 'There are as many sessions as are allowed' },
  not_found: { status: 404, title: 'Nothing is served at this path' },
  method_not_allowed: { status: 405, title: 'The method is not allowed at this path' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  body_too_large: { status: 413, title: 'The request body is too large' },
  misdirected: { status: 421, title: 'The request is for another host' },
  too_many_requests: {
    status: 429,
    title: 'The session has as many requests open as it may',
    retryAfter: 1,
  },
  rate_limited: { status: 429, title: 'There were too many attempts', retryAfter: 60 },
  header_too_large: { status: 431, title: 'The request header is too large' },
  internal: { status: 500, title: 'The gateway failed' },
  upstream_failed: { status: 502, title: 'The upstream did not answer' },
  login_not_readable: { status: 502, title: 'The login could not be completed' },
  login_failed: { status: 502, title: 'The login provider gave an answer that cannot be accepted' },
  redis_unavailable: { status: 503, title: 'Sessions cannot be read at the moment', retryAfter: 1 },
  upstream_busy: {
    status: 503,
    title: 'The upstream has as many requests open as it may',
    retryAfter: 1,
  },
  provider_unavailable: {
    status: 503,
    title: 'Logins cannot be verified at the moment',
    retryAfter: 5,
  },
  closing: { status: 503, title: 'The gateway is shutting down', retryAfter: 1 },
  upstream_timeout: { status: 504, title: 'The upstream did not answer in time' },
  loop_detected: { status: 508, title: 'The request has been here before' },
} as const satisfies Record<string, { status: number; title: string; retryAfter?: number }>

export type ErrorCode = keyof typeof table

export interface Problem {
  readonly code: ErrorCode
  readonly status: number
  readonly title: string
  /** Seconds, for `Retry-After`. */
  readonly retryAfter: number | undefined
}

/** The row of a code, as the wire shows it; `retryAfter` (seconds) overrides that of the row. */
export const problemOf = (code: ErrorCode, retryAfter?: number): Problem => {
  const row: { status: number; title: string; retryAfter?: number } = table[code]
  const { status, title } = row
  return { code, status, title, retryAfter: retryAfter ?? row.retryAfter }
}

/** What cannot be handled where it happens. The message is for the log only; the wire sees the row of its code. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  /** Seconds, where it is known better than the row of the code does. */
  readonly retryAfter: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    { retryAfter, ...options }: ErrorOptions & { readonly retryAfter?: number } = {},
  ) {
    super(message, options)
    this.code = code
    this.retryAfter = retryAfter
  }
}

/** Seconds after which it may be tried again, where the error itself knows. */
export const retryAfterOf = (error: unknown): number | undefined =>
  error instanceof GatewayError ? error.retryAfter : undefined

/** A mistake of the operator: a command ends with exit code 1 and this message, without a stack. */
export class SetupError extends Error {
  override readonly name = 'SetupError'
}
