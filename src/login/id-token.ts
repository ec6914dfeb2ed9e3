import { hash } from 'node:crypto'
import type { JWTPayload, JWTVerifyResult } from 'jose'
import { type KeySet, KeysUnavailable } from './key-set.ts'
import { reasonOf } from './reason.ts'
import { isCompact, verifySigned } from './signed.ts'

export interface Identity {
  readonly sub: string
  readonly sid: string | undefined
  readonly claims: Readonly<Record<string, unknown>>
}

export type IdTokenVerdict =
  | ({ readonly kind: 'verified' } & Identity)
  | { readonly kind: 'refused'; readonly reason: string }
  /** The provider's keys could not be had. */
  | { readonly kind: 'unavailable'; readonly reason: string }

interface Expected {
  readonly keys: KeySet
  readonly issuer: string
  readonly clientId: string
  /** The access token that came with it. */
  readonly accessToken: string
}

/** Signatures that are accepted: never `none`, never HMAC, whose key would be a public one (RFC 8725 section 2.1). */
export const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
  ...['EdDSA', 'Ed25519'],
]

/** Seconds by which the provider's clock may differ from ours. */
export const clockTolerance = 30
const longestSubject = 255

/**
 * Believes or refuses an ID token (OpenID Connect Core 1.0 sections 3.1.3.7 and 3.1.3.8). openid-client
 * has compared its claims with what was asked for; what it leaves to TLS is done here: the signature,
 * and `azp`, `at_hash` and an `iat` in the future.
 */
export const verifyIdToken = async (token: string, expected: Expected): Promise<IdTokenVerdict> => {
  const { keys, issuer, clientId, accessToken } = expected
  try {
    const verified = await verifySigned(token, keys, {
      ...{ issuer, audience: clientId, algorithms, clockTolerance },
      requiredClaims: ['sub', 'iat', 'exp'],
    })
    if (!isCompact(token)) return { kind: 'refused', reason: 'it is not written as a JWT' }
    const reason = wrongWith(verified, clientId, accessToken)
    return reason === undefined ? identityOf(verified.payload) : { kind: 'refused', reason }
  } catch (error) {
    const kind = error instanceof KeysUnavailable ? 'unavailable' : 'refused'
    return { kind, reason: reasonOf(error) }
  }
}

const wrongWith = (
  { payload, protectedHeader }: JWTVerifyResult,
  clientId: string,
  accessToken: string,
): string | undefined => {
  const { iat = 0, azp, at_hash: hashClaim } = payload
  const { alg, typ = 'JWT' } = protectedHeader
  // Another kind of token that the same keys have signed (RFC 8725 section 3.11).
  if (/\+jwt$/i.test(typ)) return 'it is typed as another kind of token'
  if (iat > Date.now() / 1000 + clockTolerance) return 'its iat is in the future'
  if (azp !== undefined && azp !== clientId) return 'its azp is another client'
  if (hashClaim !== undefined && hashClaim !== halfHash(alg, accessToken)) {
    return 'its at_hash is not of the access token'
  }
  return undefined
}

/** OpenID Connect Core 1.0 section 3.1.3.6: the left half of the hash that the signature uses; Ed25519's is SHA-512. */
const halfHash = (signature: string, text: string): string => {
  const size = ['256', '384'].find(bits => signature.endsWith(bits)) ?? '512'
  const digest = hash(`sha${size}`, text, 'buffer')
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

const identityOf = (claims: JWTPayload): IdTokenVerdict => {
  const { sub, sid } = claims
  // Two lone surrogates would become one key in Redis.
  if (typeof sub !== 'string' || sub === '' || /\p{Surrogate}/u.test(sub)) {
    return { kind: 'refused', reason: 'its sub is not a text' }
  }
  if (Buffer.byteLength(sub) > longestSubject) {
    return { kind: 'refused', reason: `its sub is longer than ${longestSubject} bytes` }
  }
  if (sid !== undefined && typeof sid !== 'string') {
    return { kind: 'refused', reason: 'its sid is not a text' }
  }
  return { kind: 'verified', sub, sid, claims }
}
