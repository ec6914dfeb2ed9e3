import { refreshTokenGrant } from 'openid-client'
import type { Session, Tokens } from '../session/store.ts'
import { createBreaker } from './breaker.ts'
import type { Exchange, Exchanged } from './exchange.ts'
import { faultOf } from './fault.ts'
import { verifyIdToken } from './id-token.ts'
import type { Provider } from './provider.ts'
import type { Revoker } from './revoke.ts'
import { readTokenAnswer, type TokenAnswer } from './token-answer.ts'

/** How sessions of the OpenID login get new tokens (RFC 6749 section 6, OpenID Connect Core 1.0 section 12). */
export const createOidcExchange = (provider: Provider, revoker: Revoker): Exchange => {
  const { plan } = provider
  const { refreshBefore, timeout } = plan
  const breaker = createBreaker()

  const exchange = async (session: Session, tokens: Tokens): Promise<Exchanged> => {
    const { refreshToken } = tokens
    if (refreshToken === undefined) return failed('the session has no refresh token')
    const wait = breaker.wait(performance.now())
    if (wait > 0) return failed('the provider has failed a moment ago', wait)
    const sent = performance.now()
    try {
      const { configuration } = await provider.discovered()
      const answer = await refreshTokenGrant(configuration, refreshToken, plan.tokenParams)
      breaker.answered()
      const read = readTokenAnswer(answer, performance.now() - sent)
      return read.kind === 'read' ? await believe(session, tokens, read) : failed(read.reason)
    } catch (error) {
      const { kind, reason, retryAfter } = faultOf(error)
      if (kind === 'grant') {
        breaker.answered()
        return { kind: 'over', reason }
      }
      breaker.failed(performance.now(), retryAfter)
      return failed(reason, retryAfter)
    }
  }

  const believe = async (
    session: Session,
    old: Tokens,
    {
      accessToken,
      refreshToken = old.refreshToken,
      idToken,
      scope = old.scope,
      lifetime,
    }: TokenAnswer,
  ): Promise<Exchanged> => {
    const kept: Tokens = {
      ...old,
      accessToken,
      ...(refreshToken !== undefined && { refreshToken }),
      ...(scope !== undefined && { scope }),
    }
    if (idToken === undefined) return { kind: 'tokens', tokens: kept, lifetime }
    const { keys } = await provider.discovered()
    const { issuer, clientId } = plan
    const verdict = await verifyIdToken(idToken, { keys, issuer, clientId, accessToken })
    // A rotated refresh token must not be lost because the keys are not to be had just now.
    if (verdict.kind === 'unavailable') return { kind: 'tokens', tokens: kept, lifetime }
    if (verdict.kind === 'refused') return failed(`ID token: ${verdict.reason}`)
    if (verdict.sub !== session.meta.sub) {
      return { kind: 'foreign', reason: 'the ID token is of another person', tokens: kept }
    }
    const claims = { ...ofTheLogin(old.claims), ...verdict.claims }
    return { kind: 'tokens', tokens: { ...kept, idToken, claims }, lifetime }
  }

  const ready = () =>
    provider.discovered().then(
      () => true,
      () => false,
    )

  return { refreshBefore, timeout, ready, exchange, revoke: revoker.revoke }
}

/** What tells how the person has logged in, which a refreshed ID token may leave out. All other claims are the new one's alone. */
const ofTheLogin = (claims: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    ['auth_time', 'acr', 'amr', 'sid', 'nonce']
      .filter(name => Object.hasOwn(claims, name))
      .map(name => [name, claims[name]]),
  )

const failed = (reason: string, retryAfter?: number): Exchanged => ({
  kind: 'failed',
  ...{ reason, retryAfter },
})
