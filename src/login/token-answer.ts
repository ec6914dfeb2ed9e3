import type { TokenEndpointResponse } from 'openid-client'

/** What an answer of the token endpoint holds, checked as far as it can be without keys. */
export interface TokenAnswer {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly idToken: string | undefined
  readonly scope: string | undefined
  /** Milliseconds from now until the access token runs out; undefined where the provider did not say. */
  readonly lifetime: number | undefined
}

type Read =
  | ({ readonly kind: 'read' } & TokenAnswer)
  | { readonly kind: 'refused'; readonly reason: string }

type Answer = Pick<
  TokenEndpointResponse,
  'access_token' | 'token_type' | 'refresh_token' | 'id_token' | 'scope' | 'expires_in'
>

const year = 365 * 24 * 60 * 60_000

/**
 * Reads what openid-client has parsed. `elapsed` is how many milliseconds ago the question was sent:
 * the token's life is counted from then, so that it is never taken for longer than it is.
 */
export const readTokenAnswer = (answer: Answer, elapsed: number): Read => {
  const { access_token: accessToken, refresh_token: refreshToken, id_token: idToken } = answer
  if (answer.token_type !== 'bearer') {
    return { kind: 'refused', reason: 'the access token is not a bearer token' }
  }
  // RFC 6749 appendix A.12, without the space: anything else would be another header on the way upstream.
  if (!/^[!-~]+$/.test(accessToken)) {
    return { kind: 'refused', reason: 'the access token cannot be sent in a header' }
  }
  const { expires_in: seconds, scope } = answer
  const lifetime =
    seconds === undefined ? undefined : Math.min(Math.max(seconds * 1000 - elapsed, 0), year)
  return { kind: 'read', accessToken, refreshToken, idToken, scope, lifetime }
}
