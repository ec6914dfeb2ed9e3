import { GatewayError } from '../errors.ts'
import { ask } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import type { Keys } from '../session/keys.ts'
import type { Store } from '../session/store.ts'
import { verifyLogoutToken } from './logout-token.ts'
import type { Provider } from './provider.ts'
import { reasonOf } from './reason.ts'

export type BackchannelLogout =
  | {
      readonly status: 200
      readonly sub: string | undefined
      readonly sid: string | undefined
      /** How many live sessions it ended. */
      readonly ended: number
    }
  /** For the log only; the wire says `invalid_request` (section 2.8). */
  | { readonly status: 400; readonly reason: string }
  /** Not done; the provider may try again. */
  | { readonly status: 503; readonly reason: string }

interface Parts {
  readonly provider: Provider
  readonly redis: Redis
  readonly keys: Keys
  readonly store: Pick<Store, 'endSid' | 'endUser'>
}

/** OpenID Connect Back-Channel Logout 1.0. Takes the content type and the body of a POST; never rejects. */
export const createBackchannel = ({ provider, redis, keys, store }: Parts) => {
  const logOut = async (contentType: string, body: string): Promise<BackchannelLogout> => {
    const token = tokenIn(contentType, body)
    if (token === undefined)
      return { status: 400, reason: 'there is not one logout_token in a form' }
    const { metadata, logoutKeys } = await provider.discovered()
    const { issuer } = metadata
    const { clientId } = provider.plan
    const verdict = await verifyLogoutToken(token, { keys: logoutKeys, issuer, clientId })
    if (verdict.kind === 'unavailable') return { status: 503, reason: verdict.reason }
    if (verdict.kind === 'refused') return { status: 400, reason: verdict.reason }
    const { who, jti, life } = verdict

    // Only what was done to its end is a replay (step 8): after a crash in the middle it is done again.
    const seen = keys.jti('oidc', jti)
    const before = await ask(redis.set(seen, 'pending', 'PX', Math.ceil(life), 'NX', 'GET'))
    if (before === 'done') return { status: 400, reason: 'the token has been used before' }
    const { ended } =
      who.sid === undefined
        ? await store.endUser('oidc', who.sub)
        : await store.endSid('oidc', who.sid, who.sub)
    await ask(redis.set(seen, 'done', 'KEEPTTL', 'XX'))
    return { status: 200, ...who, ended }
  }

  return async (contentType: string | undefined, body: string): Promise<BackchannelLogout> => {
    try {
      return await logOut(contentType ?? '', body)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return { status: 503, reason: reasonOf(error) }
    }
  }
}

/** Section 2.5: form-encoded, with exactly one `logout_token`; other parameters mean nothing. */
const tokenIn = (contentType: string, body: string): string | undefined => {
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(contentType)) return undefined
  const [token, ...more] = new URLSearchParams(body).getAll('logout_token')
  return more.length === 0 ? token : undefined
}
