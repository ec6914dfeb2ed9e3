import type { Audit } from '../audit.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Exchange } from './exchange.ts'
import { createLogout } from './logout.ts'
import { metered } from './metered.ts'
import { createOidc } from './oidc.ts'
import type { OidcPlan } from './oidc-plan.ts'
import { createRefresh } from './refresh.ts'

export interface LoginParts {
  readonly plan: OidcPlan | undefined
  /** How the sessions of captured logins get new tokens, by provider. */
  readonly captured: ReadonlyMap<string, Exchange>
  readonly publicUrl: string
  /** `session.sealSecrets`. */
  readonly secrets: readonly string[]
  readonly sessions: Pick<Sessions, 'redis' | 'keys' | 'store' | 'onChange' | 'backSince'>
  readonly log: Log
  readonly audit: Audit
  readonly metrics: Metrics
}

/** Everything that has to do with providers: login, refresh and log-out. `settle` before the process ends. */
export const openLogin = ({
  plan,
  captured,
  publicUrl,
  secrets,
  sessions,
  log,
  audit,
  metrics,
}: LoginParts) => {
  const { redis, keys, store, onChange, backSince } = sessions
  const oidc = plan && createOidc({ ...{ plan, redis, keys, secrets, store, log } })
  const exchanges = new Map(captured)
  if (oidc !== undefined) exchanges.set('oidc', oidc.exchange)
  for (const [name, exchange] of exchanges) exchanges.set(name, metered(exchange, metrics))
  const refresh = createRefresh({
    ...{ redis, keys, store, exchanges, onChange, backSince, log },
    onEnded: ({ handle, meta: { provider, sub } }) => {
      metrics.sessionsEnded.inc({ cause: 'refresh' })
      audit({ event: 'refresh_failed', handle, provider, sub, reason: 'invalid_grant' })
    },
  })
  oidc?.warm()
  return {
    oidc,
    refreshIfDue: refresh.refreshIfDue,
    ...createLogout({ publicUrl, store, oidc, log }),
    settle: async (): Promise<void> => {
      await refresh.settle()
      await oidc?.settle()
    },
  }
}
