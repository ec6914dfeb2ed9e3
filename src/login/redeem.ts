import { AuthorizationResponseError, authorizationCodeGrant } from 'openid-client'
import type { ErrorCode } from '../errors.ts'
import type { NewSession } from '../session/store.ts'
import { faultOf } from './fault.ts'
import { verifyIdToken } from './id-token.ts'
import type { OidcPlan } from './oidc-plan.ts'
import type { Discovered } from './provider.ts'
import { reasonOf } from './reason.ts'
import { readTokenAnswer } from './token-answer.ts'
import type { Transaction } from './transaction.ts'

export type Redeemed =
  | { readonly kind: 'session'; readonly session: NewSession }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly reason: string }

/** What the provider's faults mean to somebody who is logging in. */
const codes = {
  /** The code was used, or is too old. */
  grant: 'login_expired',
  unavailable: 'provider_unavailable',
  wrong: 'login_failed',
} as const

/**
 * Redeems the code of a callback (OpenID Connect Core 1.0 section 3.1.3) and believes or refuses what
 * comes for it. Never throws for what a provider answers.
 */
export const redeem = async (
  plan: OidcPlan,
  { configuration, keys }: Discovered,
  query: string,
  state: string,
  transaction: Transaction,
): Promise<Redeemed> => {
  const { verifier, nonce, maxAge, acr } = transaction
  const sent = performance.now()
  try {
    const answer = await authorizationCodeGrant(
      configuration,
      new URL(plan.redirectUri + query),
      {
        ...{ pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce },
        ...(maxAge !== undefined && { maxAge }),
        idTokenExpected: true,
      },
      plan.tokenParams,
    )
    const read = readTokenAnswer(answer, performance.now() - sent)
    if (read.kind === 'refused') return refuse('login_failed', read.reason)
    const { accessToken, refreshToken, idToken = '', scope, lifetime } = read
    const { issuer, clientId } = plan
    const verdict = await verifyIdToken(idToken, { keys, issuer, clientId, accessToken })
    if (verdict.kind === 'unavailable') return refuse('provider_unavailable', verdict.reason)
    if (verdict.kind === 'refused') return refuse('login_failed', `ID token: ${verdict.reason}`)
    const { sub, sid, claims } = verdict
    const { acr: reached } = claims
    if (acr !== undefined && !acr.some(wanted => wanted === reached)) {
      return refuse('login_refused', 'the provider did not confirm the acr that was asked for')
    }
    const tokens = {
      ...{ accessToken, idToken, claims },
      ...(refreshToken !== undefined && { refreshToken }),
      ...(scope !== undefined && { scope }),
    }
    const session = { provider: 'oidc', iss: issuer, sub, sid, tokenExpires: lifetime, tokens }
    return { kind: 'session', session }
  } catch (error) {
    if (error instanceof AuthorizationResponseError) return refuse('login_refused', reasonOf(error))
    const { kind, reason } = faultOf(error)
    return refuse(codes[kind], reason)
  }
}

const refuse = (code: ErrorCode, reason: string): Redeemed => ({ kind: 'refused', code, reason })
