import type { Log } from '../log.ts'
import type { Redis } from '../redis/client.ts'
import type { Keys } from '../session/keys.ts'
import type { Store } from '../session/store.ts'
import { isTicket } from '../session/ticket.ts'
import { createBackchannel } from './backchannel.ts'
import { createStartLogin } from './begin.ts'
import { createFinishLogin } from './complete.ts'
import { createOidcExchange } from './oidc-exchange.ts'
import type { OidcPlan } from './oidc-plan.ts'
import { createProvider } from './provider.ts'
import { createRevoker } from './revoke.ts'
import { createSingleUse } from './single-use.ts'
import { createTransactions } from './transaction.ts'

export type Oidc = ReturnType<typeof createOidc>

export interface OidcParts {
  readonly plan: OidcPlan
  readonly redis: Redis
  readonly keys: Keys
  /** `session.sealSecrets`: started logins are sealed with them too. */
  readonly secrets: readonly string[]
  readonly store: Pick<Store, 'create' | 'end' | 'endSid' | 'endUser'>
  readonly log: Log
}

/** The OpenID login. Nothing is asked of the provider before somebody needs it. */
export const createOidc = (parts: OidcParts) => {
  const { plan, store, log } = parts
  const provider = createProvider(plan, log)
  const revoker = createRevoker(provider, log)
  const transactions = createTransactions(parts)

  return {
    provider,
    revoker,
    startLogin: createStartLogin(provider, transactions),
    finishLogin: createFinishLogin({ provider, transactions, store, revoker }),
    /** The handle of the session that the last finished login of this browser made, for ten minutes. */
    lastSession: async (loginCookie: string): Promise<string | undefined> =>
      isTicket(loginCookie) ? transactions.last(loginCookie) : undefined,
    /** Answers a POST of the provider. */
    backchannelLogout: createBackchannel({ provider, ...parts }),
    /** Log-outs that are at the provider and will come back (logout.ts). */
    returns: createSingleUse(parts, 'logout'),
    /** How its sessions get new tokens (refresh.ts). */
    exchange: createOidcExchange(provider, revoker),
    /** Discovers the provider ahead of the first login; that it is down is in the log. */
    warm: (): void => void provider.discovered().catch(() => undefined),
    /** Resolves when nothing is under way at the provider any more. */
    settle: revoker.settle,
  }
}
