import { errors, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose'
import type { KeySet } from './key-set.ts'

/**
 * Whether a JWT is written as RFC 7515 section 7.1 has it. jose reads past blanks and line ends in the signature; in a
 * header field they would be another one.
 */
export const isCompact = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)

/**
 * Believes a JWT that one of a provider's published keys has signed and that meets `expected`. Rejects
 * with jose's errors, or with KeysUnavailable. What the token says of its own keys (`jku`, `jwk`,
 * `x5u`, `x5c`) is never looked at (RFC 8725 section 3.10).
 */
export const verifySigned = async (
  token: string,
  keys: KeySet,
  expected: JWTVerifyOptions,
): Promise<JWTVerifyResult> => {
  try {
    return await verifyOnce(token, keys, expected)
  } catch (error) {
    // A rotation behind an unchanged id, or without ids, shows only as a bad signature.
    if (!isBadSignature(error) || !(await keys.renew())) throw error
    return verifyOnce(token, keys, expected)
  }
}

const verifyOnce = async (token: string, keys: KeySet, expected: JWTVerifyOptions) => {
  try {
    return await jwtVerify(token, keys.keyOf, expected)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    // Keys without ids: whichever fits (RFC 7517 section 4.5 leaves `kid` optional).
    for await (const key of error) {
      const verified = await jwtVerify(token, key, expected).catch(notThisKey)
      if (verified !== undefined) return verified
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

const isBadSignature = (error: unknown): boolean =>
  error instanceof errors.JWSSignatureVerificationFailed

const notThisKey = (error: unknown): undefined => {
  if (!isBadSignature(error)) throw error
}
