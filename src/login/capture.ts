import type { NewSession } from '../session/store.ts'
import { type Answer, type CookieRules, passHeaders, readContent } from './answer.ts'
import { lifetimeOf, textAt, tokensOf } from './captured.ts'
import { cutJson } from './json-text.ts'
import { createLeaks } from './leak.ts'
import type { Pointer } from './pointer.ts'
import type { Verifier } from './verify.ts'

export type CaptureOutcome =
  /** For the browser as it is; no session. */
  | { readonly kind: 'pass'; readonly headers: string[]; readonly body: Buffer }
  | {
      readonly kind: 'session'
      readonly session: NewSession
      readonly headers: string[]
      readonly body: Buffer
    }
  /** The reason is for the log only, and holds no part of a token. */
  | {
      readonly kind: 'refused'
      readonly code: 'login_not_readable' | 'provider_unavailable'
      readonly reason: string
    }

export interface Capture {
  /**
   * Makes a session of the answer to a login, and takes the tokens out of it. What is no successful
   * login (401, a second factor) passes. Refused is what is not understood or could hold a token still.
   */
  process(answer: Answer): Promise<CaptureOutcome>
}

export interface CaptureRules {
  /** The provider's name. */
  readonly name: string
  readonly token: Pointer
  readonly refreshToken: Pointer | undefined
  readonly remove: readonly Pointer[]
  readonly cookies: CookieRules
  readonly verify: Verifier
}

/** A removed text shorter than this says nothing when it is found elsewhere. */
const shortestSecret = 8

export const createCapture = ({
  name,
  token,
  refreshToken,
  remove,
  cookies,
  verify,
}: CaptureRules): Capture => {
  const cuts = [token, ...remove, ...(refreshToken === undefined ? [] : [refreshToken])]

  /** Every answer goes this way: nothing of `secrets`, and no token of any kind, may be left in it. */
  const search = (answer: Answer, body: Buffer, secrets: readonly string[]): CaptureOutcome => {
    const headers = passHeaders(answer.headers, cookies)
    const leaks = createLeaks(secrets)
    const leak = leaks(headers.join('\n')) ?? leaks(body.toString('latin1'))
    return leak === undefined ? { kind: 'pass', headers, body } : unreadable(leak)
  }

  const process = async (answer: Answer): Promise<CaptureOutcome> => {
    const content = readContent(answer)
    if (content.kind === 'encoded') return unreadable('the answer is encoded')
    const success = answer.status >= 200 && answer.status < 300
    if (content.kind === 'empty' || !success) return search(answer, answer.body, [])
    if (content.kind === 'other') return unreadable(`the answer ${content.reason}`)

    const json = cutJson(content.text, cuts)
    if (json.kind === 'refused') return unreadable(`the answer ${json.reason}`)
    const accessToken = textAt(json.value, token)
    const refresh = refreshToken === undefined ? '' : textAt(json.value, refreshToken)
    if (accessToken === undefined) return unreadable('the token is not a string')
    if (refresh === undefined) return unreadable('the refresh token is not a string')

    const removed = remove
      .map(pointer => textAt(json.value, pointer) ?? '')
      .filter(text => text.length >= shortestSecret)
    const passed = search(answer, Buffer.from(json.text), [accessToken, refresh, ...removed])
    // A step of a longer login: whatever was to be cut is cut all the same.
    if (passed.kind !== 'pass' || accessToken === '') return passed

    const verdict = await verify(accessToken)
    if (verdict.kind === 'unavailable') return refused('provider_unavailable', verdict.reason)
    if (verdict.kind === 'forged') return unreadable(`the token: ${verdict.reason}`)
    const session = {
      ...{ provider: name, iss: verdict.issuer, sub: verdict.subject },
      tokenExpires: lifetimeOf(verdict),
      tokens: tokensOf(verdict, accessToken, refresh, json.value),
    }
    return { ...passed, kind: 'session', session }
  }

  return { process }
}

const refused = (
  code: 'login_not_readable' | 'provider_unavailable',
  reason: string,
): CaptureOutcome => ({ kind: 'refused', code, reason })

const unreadable = (reason: string): CaptureOutcome => refused('login_not_readable', reason)
