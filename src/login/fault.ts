import { ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client'
import { reasonOf } from './reason.ts'

/** What went wrong between the gateway and the provider. */
export interface Fault {
  /**
   * `grant`: a genuine `invalid_grant` (RFC 6749 section 5.2), the only answer that says something of
   * the person's login; `unavailable`: no answer, or one that says to try later; `wrong`: anything else.
   */
  readonly kind: 'grant' | 'unavailable' | 'wrong'
  /** For the log only. */
  readonly reason: string
  /** Milliseconds that the provider asked to be left alone. */
  readonly retryAfter: number | undefined
}

/** Sorts what openid-client or fetch threw; the parsed `error` field counts, never a text (RFC 6749 section 5.2). */
export const faultOf = (error: unknown): Fault => {
  const reason = reasonOf(error)
  const response = responseOf(error)
  const retryAfter = response && readRetryAfter(response.headers.get('retry-after'))
  if (error instanceof ResponseBodyError && error.error === 'invalid_grant') {
    return { kind: 'grant', reason, retryAfter }
  }
  const status = response?.status ?? 0
  const unavailable = status >= 500 || status === 429 || isNoAnswer(error)
  const said = status === 0 ? reason : `${reason} (status ${status})`
  return { kind: unavailable ? 'unavailable' : 'wrong', reason: said, retryAfter }
}

const responseOf = (error: unknown): Response | undefined => {
  if (error instanceof ResponseBodyError || error instanceof WWWAuthenticateChallengeError) {
    return error.response
  }
  return error instanceof Error && error.cause instanceof Response ? error.cause : undefined
}

/** fetch throws a TypeError for whatever happens on the way; those with a code are misuse. */
const isNoAnswer = (error: unknown): boolean => {
  if (error instanceof TypeError) return !('code' in error)
  return error instanceof Error && 'code' in error && error.code === 'OAUTH_TIMEOUT'
}

const longest = 5 * 60_000

/** RFC 9110 section 10.2.3, in seconds or as a date; five minutes at most. */
export const readRetryAfter = (value: string | null): number | undefined => {
  if (value === null) return undefined
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return wait >= 0 ? Math.min(wait, longest) : undefined
}
