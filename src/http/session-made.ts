import type { Audit } from '../audit.ts'
import type { Metrics } from '../metrics.ts'
import { auditOf, type Context } from './context.ts'

export type SessionMade = ReturnType<typeof createSessionMade>

interface Made {
  readonly provider: string
  readonly sub: string
  readonly handle: string
  /** Handles of the sessions that the same browser had, and of those beyond the limit. */
  readonly replaced: readonly string[]
  readonly evicted: readonly string[]
}

/** Writes down and counts a new session, and those that ended with its first moment. */
export const createSessionMade =
  ({ audit, metrics }: { audit: Audit; metrics: Metrics }) =>
  (context: Context, { provider, sub, handle, replaced, evicted }: Made): void => {
    context.handle = handle
    const person = { provider, sub }
    audit({ event: 'login', ...auditOf(context), ...person })
    const ending = {
      event: 'sessions_ended',
      ...auditOf(context),
      outcome: 'done',
      ended: 1,
    } as const
    for (const old of evicted) audit({ ...ending, by: 'limit', handle: old, ...person })
    // The browser may have been another person's.
    for (const old of replaced) audit({ ...ending, by: 'login', handle: old })
    metrics.sessionsCreated.inc({ provider })
    metrics.sessionsEnded.inc({ cause: 'replaced' }, replaced.length)
    metrics.sessionsEnded.inc({ cause: 'limit' }, evicted.length)
  }
