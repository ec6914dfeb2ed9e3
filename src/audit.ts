import type { ErrorCode } from './errors.ts'
import type { Log } from './log.ts'

/** Who made a session end. `login`: a new login of the same browser took its place. */
export type Actor = 'user' | 'admin' | 'provider' | 'limit' | 'login'

/** How a request came in. */
interface Request {
  /** The request's id, as in the log and in the answer. */
  readonly id?: string | undefined
  /** The client's address. */
  readonly client?: string | undefined
}

/** Which sessions: one, a person's, those of a session at the provider, or all. */
interface Sessions {
  readonly handle?: string | undefined
  readonly provider?: string | undefined
  readonly sub?: string | undefined
  readonly sid?: string | undefined
  readonly all?: boolean | undefined
  /** All of them but the one with `handle`. */
  readonly others?: boolean | undefined
}

/** What became of an order to end sessions; `failed`: Redis could not be asked, perhaps halfway. */
interface Ending {
  readonly outcome: 'done' | 'failed'
  readonly ended?: number | undefined
  readonly replicated?: boolean | undefined
}

/** The lines of the audit log. Their names and fields are documented (docs/operations.md) and stable. */
export type AuditEvent =
  | (Request & Sessions & { readonly event: 'login' })
  | (Request & Sessions & Ending & { readonly event: 'logout' })
  | (Request &
      Sessions &
      Ending & {
        readonly event: 'sessions_ended'
        readonly by: Actor
        /** How an administrator did it, and, at a command line, the name of that account. */
        readonly via?: 'api' | 'cli' | undefined
        readonly account?: string | undefined
      })
  | (Request & Sessions & { readonly event: 'refresh_failed'; readonly reason: string })
  | (Request & { readonly event: 'refused'; readonly code: ErrorCode; readonly handle?: string })

export type Audit = ReturnType<typeof createAudit>

/** Refusals that tell of an attack, a forged request or a login that failed; the others are daily life. */
const securityEvents: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['malformed_request', 'ambiguous_ticket', 'misdirected'] as const),
  ...(['cross_site', 'not_allowed', 'admin_refused'] as const),
  ...(['login_expired', 'login_refused', 'login_ended', 'login_not_readable'] as const),
  ...(['login_failed', 'too_many_sessions', 'logout_token_refused'] as const),
  'rate_limited',
])

/**
 * The audit log: one structured line for each event, marked `audit: true`, at any level of `log` but
 * `silent`. A refusal that is no security event leaves no line.
 */
export const createAudit = (log: Log) => {
  const lines = log.child({ audit: true }, { level: log.level === 'silent' ? 'silent' : 'info' })
  return (event: AuditEvent): void => {
    if (event.event === 'refused' && !securityEvents.has(event.code)) return
    lines.info(event, event.event)
  }
}
