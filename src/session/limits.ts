import { createHmac } from 'node:crypto'
import type { Config, LimitsConfig } from '../config/schema.ts'
import { isBehindUnknownProxy } from '../config/unknown-proxy.ts'
import { GatewayError } from '../errors.ts'
import type { Redis } from '../redis/client.ts'
import { run } from '../redis/script.ts'
import { scripts } from '../redis/scripts.ts'
import type { Keys } from './keys.ts'

/** What is counted of an address: logins that it starts, callbacks, logout tokens of it that were refused. */
export type Attempt = 'login' | 'callback' | 'logout-token'

/** The limits that hold now. A reload may exchange them. */
export interface LimitRules extends LimitsConfig {
  /** False where the addresses that are seen are those of proxies: then nothing is counted by address. */
  readonly addressesAreClients: boolean
  /** `session.sealSecrets`: the first makes the names of the counters unguessable. */
  readonly sealSecrets: readonly string[]
}

/** The limits of a config. */
export const limitRules = (config: Config): LimitRules => ({
  ...config.limits,
  addressesAreClients: !isBehindUnknownProxy(config),
  sealSecrets: config.session.sealSecrets,
})

interface Parts {
  readonly redis: Redis
  readonly keys: Keys
  readonly rules: () => LimitRules
}

export type Limits = ReturnType<typeof createLimits>

/**
 * Counts attempts in Redis, for all gateways together. Everything here rejects with `rate_limited`, which
 * knows when to come back, or with `redis_unavailable`. Nobody can read an address or an account in the
 * name of a counter; without a seal secret, one that is guessed can be recognised.
 */
export const createLimits = ({ redis, keys, rules }: Parts) => {
  const count = async (
    scope: string,
    subject: string,
    { most, window, step }: { most: number; window: number; step: 0 | 1 },
  ): Promise<void> => {
    if (most === 0) return
    const [secret = ''] = rules().sealSecrets
    const hash = createHmac('sha256', secret).update(`limit:${scope}:${subject}`).digest('hex')
    const left = Number(
      await run(redis, scripts.limit, [keys.limit(scope, hash)], [most, window, step]),
    )
    if (left === 0) return
    const retryAfter = Math.max(1, Math.ceil(left / 1000))
    throw new GatewayError('rate_limited', `${most} of ${scope} in ${window} ms`, { retryAfter })
  }

  const byAddress = (attempt: Attempt, network: string, step: 0 | 1): Promise<void> => {
    const { logins, logoutTokens, addressesAreClients } = rules()
    const { perAddress, window } = attempt === 'logout-token' ? logoutTokens : logins
    return count(attempt, network, { most: addressesAreClients ? perAddress : 0, window, step })
  }

  return {
    /** Counts an attempt of an address, or of the network that stands for it. */
    attempt: (attempt: Attempt, network: string): Promise<void> => byAddress(attempt, network, 1),
    /** The same without counting. */
    check: (attempt: Attempt, network: string): Promise<void> => byAddress(attempt, network, 0),
    /** Counts a login of a person that would make a session. */
    account: (provider: string, sub: string): Promise<void> => {
      const { perAccount, window } = rules().logins
      return count('account', JSON.stringify([provider, sub]), {
        most: perAccount,
        window,
        step: 1,
      })
    },
  }
}
