import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import { algorithms, clockTolerance } from './id-token.ts'
import { type KeySet, KeysUnavailable } from './key-set.ts'
import { reasonOf } from './reason.ts'
import { verifySigned } from './signed.ts'

/** All sessions of a person; or those of one session at the provider, and of that person where it is named. */
export type LoggedOut =
  | { readonly sub: string; readonly sid: undefined }
  | { readonly sub: string | undefined; readonly sid: string }

export type LogoutVerdict =
  | {
      readonly kind: 'verified'
      readonly who: LoggedOut
      readonly jti: string
      /** Milliseconds for which the token could be shown again. */
      readonly life: number
    }
  | { readonly kind: 'refused'; readonly reason: string }
  /** The provider's keys could not be had. */
  | { readonly kind: 'unavailable'; readonly reason: string }

interface Expected {
  readonly keys: KeySet
  readonly issuer: string
  readonly clientId: string
}

const event = 'http://schemas.openid.net/event/backchannel-logout'
/** Seconds since its `iat` in which a token counts: as long as the mark of a log-out lasts, and its `jti` is kept. */
const longestAge = 600
const longestJti = 512

/** Believes or refuses a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.6, steps 1 to 7). */
export const verifyLogoutToken = async (
  token: string,
  { keys, issuer, clientId }: Expected,
): Promise<LogoutVerdict> => {
  try {
    // Anybody may post here: what is plainly for somebody else must not cost a signature or a fetch.
    const early = wrongAtFirstSight(token, issuer, clientId)
    if (early !== undefined) return refused(early)
    const { payload } = await verifySigned(token, keys, {
      ...{ issuer, audience: clientId, algorithms, clockTolerance },
      requiredClaims: ['iat', 'exp', 'jti'],
      maxTokenAge: longestAge,
    })
    return read(payload)
  } catch (error) {
    const kind = error instanceof KeysUnavailable ? 'unavailable' : 'refused'
    return { kind, reason: reasonOf(error) }
  }
}

const wrongAtFirstSight = (token: string, issuer: string, clientId: string): string | undefined => {
  const { alg = '', typ = 'JWT' } = decodeProtectedHeader(token)
  if (!algorithms.includes(alg)) return 'its algorithm is not accepted'
  // The type is only recommended (section 2.4); without one, `events` tells it from other tokens.
  if (!/^(?:application\/)?(?:logout\+)?jwt$/i.test(typ))
    return 'it is typed as another kind of token'
  const { iss, aud } = decodeJwt(token)
  if (iss !== issuer) return 'it is from another issuer'
  return [aud].flat().includes(clientId) ? undefined : 'it is for another client'
}

const read = (claims: JWTPayload): LogoutVerdict => {
  const { sub, sid, jti, events, iat = 0, exp = 0 } = claims
  if (!isNameOrAbsent(sub) || !isNameOrAbsent(sid)) return refused('its sub or sid is not a text')
  const who = sid === undefined ? sub && { sub, sid } : { sub, sid }
  if (!who) return refused('it names neither a sub nor a sid')
  if (!isObject(events) || !isObject(events[event])) {
    return refused('it is not of a back-channel log-out')
  }
  // Whatever its value: an ID token has one, and must never pass for a logout token.
  if (Object.hasOwn(claims, 'nonce')) return refused('it has a nonce')
  if (!isNameOrAbsent(jti) || jti === undefined || jti.length > longestJti) {
    return refused('its jti is not a short text')
  }
  const end = Math.min(exp, iat + longestAge) + clockTolerance
  return { kind: 'verified', who, jti, life: Math.max(end * 1000 - Date.now(), 1_000) }
}

const isNameOrAbsent = (value: unknown): value is string | undefined =>
  value === undefined || (typeof value === 'string' && value !== '')

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const refused = (reason: string): LogoutVerdict => ({ kind: 'refused', reason })
