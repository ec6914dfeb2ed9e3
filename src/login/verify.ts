import { type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose'
import { createKeySet, type KeySetLimits, KeysUnavailable } from './key-set.ts'
import { type Pointer, resolve } from './pointer.ts'
import { reasonOf } from './reason.ts'
import { isCompact, verifySigned } from './signed.ts'

export interface VerifyRules {
  readonly jwks?: string
  readonly secret?: string
  readonly issuer?: string
  readonly audience?: string
  readonly algorithms?: readonly string[]
}

export type Verdict =
  | {
      readonly kind: 'verified'
      readonly subject: string
      /** Empty where the token names none. */
      readonly issuer: string
      /** Milliseconds since 1970. */
      readonly expires: number
      readonly claims: Record<string, unknown>
    }
  /** Not a token of this provider, or not any more. */
  | { readonly kind: 'forged'; readonly reason: string }
  /** The provider's keys could not be had: nothing is known of the token. */
  | { readonly kind: 'unavailable'; readonly reason: string }

export type Verifier = (token: string) => Promise<Verdict>

/** Where the config names none. Never of both kinds: no public key may serve as a secret (RFC 8725 section 2.1). */
const algorithms = { jwks: ['RS256', 'PS256', 'ES256', 'EdDSA'], secret: ['HS256'] }

/** Seconds by which the provider's clock may differ from ours. */
const clockTolerance = 5
const longestSubject = 255

/**
 * Believes or refuses a JWT (RFC 7519, RFC 8725): signed with an allowed algorithm by a key of the
 * rules, from the issuer and for the audience where they name one, not expired, `exp` required. The
 * subject is a string that is not empty or a safe integer, at most 255 bytes. Keys named by the
 * token itself (`jku`, `jwk`, `x5u`, `x5c`) are never looked at; encrypted tokens are refused.
 */
export const createVerifier = (
  rules: VerifyRules,
  subject: Pointer,
  limits?: KeySetLimits,
): Verifier => {
  const expected: JWTVerifyOptions = {
    algorithms: [...(rules.algorithms ?? algorithms[rules.jwks === undefined ? 'secret' : 'jwks'])],
    requiredClaims: ['exp'],
    clockTolerance,
    ...(rules.issuer !== undefined && { issuer: rules.issuer }),
    ...(rules.audience !== undefined && { audience: rules.audience }),
  }
  const believe = believer(rules, expected, limits)

  return async token => {
    try {
      const verified = await believe(token)
      if (!isCompact(token)) return { kind: 'forged', reason: 'it is not written as a JWT' }
      return read(verified, subject)
    } catch (error) {
      const kind = error instanceof KeysUnavailable ? 'unavailable' : 'forged'
      return { kind, reason: reasonOf(error) }
    }
  }
}

const believer = (
  { jwks, secret = '' }: VerifyRules,
  expected: JWTVerifyOptions,
  limits: KeySetLimits | undefined,
): ((token: string) => Promise<JWTVerifyResult>) => {
  if (jwks === undefined) {
    const bytes = Buffer.from(secret)
    return token => jwtVerify(token, bytes, expected)
  }
  const keys = createKeySet(new URL(jwks), limits)
  return token => verifySigned(token, keys, expected)
}

const read = ({ payload: claims }: JWTVerifyResult, pointer: Pointer): Verdict => {
  const { iss, exp } = claims
  const found = resolve(claims, pointer)
  const subject = Number.isSafeInteger(found) ? String(found) : found
  if (typeof subject !== 'string' || subject === '') {
    return { kind: 'forged', reason: 'the subject is neither a string nor an integer' }
  }
  // Two lone surrogates would become one key in Redis.
  if (Buffer.byteLength(subject) > longestSubject || /\p{Surrogate}/u.test(subject)) {
    return {
      kind: 'forged',
      reason: `the subject is not Unicode of at most ${longestSubject} bytes`,
    }
  }
  const issuer = typeof iss === 'string' ? iss : ''
  return { kind: 'verified', subject, issuer, expires: Number(exp) * 1000, claims }
}
