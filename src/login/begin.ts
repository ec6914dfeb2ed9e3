import {
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import { createTicket, handleOf, isTicket } from '../session/ticket.ts'
import type { Provider } from './provider.ts'
import { returnTo } from './return-to.ts'
import type { Transactions } from './transaction.ts'

/** A stronger or fresher login than the session has. */
export interface StepUp {
  readonly acr?: readonly string[]
  /** Milliseconds since the person proved who they are, at most. */
  readonly maxAge?: number
}

export interface StartLogin {
  /** What the browser asked for; made safe here. */
  readonly returnTo: string | undefined
  readonly loginCookie: string | undefined
  readonly presentedTicket: string | undefined
  readonly stepUp?: StepUp
}

export interface StartedLogin {
  /** For `Location`: at the provider. */
  readonly location: string
  /** For the login cookie: the one that came, or a new one of the same size. */
  readonly loginCookie: string
}

/**
 * Starts a login (OpenID Connect Core 1.0 section 3.1.2.1, PKCE by RFC 7636). Rejects with
 * `provider_unavailable` or `redis_unavailable`, and then nothing is remembered.
 */
export const createStartLogin =
  (provider: Provider, transactions: Transactions) =>
  async (start: StartLogin): Promise<StartedLogin> => {
    const { plan } = provider
    const { configuration } = await provider.discovered()
    const { loginCookie: cookie = '', presentedTicket: ticket = '', stepUp = {} } = start
    const loginCookie = isTicket(cookie) ? cookie : createTicket()
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()]
    const acr = acrOf(stepUp, plan.acrs)
    const maxAge = maxAgeOf(stepUp, plan.authorizationParams)

    await transactions.begin(loginCookie, state, {
      ...{ verifier, nonce, returnTo: returnTo(start.returnTo, plan.publicUrl) },
      ...(isTicket(ticket) && { presented: handleOf(ticket) }),
      ...(acr !== undefined && { acr }),
      ...(maxAge !== undefined && { maxAge }),
    })
    const location = buildAuthorizationUrl(configuration, {
      ...plan.authorizationParams,
      // `acr_values` is only a wish (OpenID Connect Core 1.0 section 3.1.2.1): a login that is still good would be kept.
      ...(acr !== undefined && {
        acr_values: acr.join(' '),
        prompt: promptOf(plan.authorizationParams),
      }),
      ...(maxAge !== undefined && { max_age: String(maxAge) }),
      ...{ redirect_uri: plan.redirectUri, scope: plan.scope, state, nonce },
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    return { location: location.href, loginCookie }
  }

/**
 * A browser asks for the step up, and anybody can write the link: a class that no route demands may be a weaker
 * one than `authorizationParams` ask for, and counts for nothing.
 */
const acrOf = ({ acr = [] }: StepUp, known: ReadonlySet<string>): readonly string[] | undefined => {
  const demanded = acr.filter(value => known.has(value))
  return demanded.length > 0 ? demanded : undefined
}

/** `login` beside what is configured; `none` goes with no other (OpenID Connect Core 1.0 section 3.1.2.1). */
const promptOf = ({ prompt = '' }: Readonly<Record<string, string>>): string => {
  const configured = prompt.split(' ').filter(word => !['', 'none', 'login'].includes(word))
  return ['login', ...configured].join(' ')
}

/** Whole seconds. What was sent is checked when the login comes back. */
const maxAgeOf = (
  { maxAge }: StepUp,
  { max_age: configured = '' }: Readonly<Record<string, string>>,
): number | undefined => {
  const seconds = configured === '' ? Number.NaN : Number(configured)
  const least = Number.isSafeInteger(seconds) ? seconds : undefined
  // A browser asks for the step up: what it says can only be stricter than the config.
  return maxAge === undefined ? least : Math.min(Math.trunc(maxAge / 1000), least ?? Infinity)
}
