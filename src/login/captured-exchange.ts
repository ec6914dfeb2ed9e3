import type { Session, Tokens } from '../session/store.ts'
import type { Answer } from './answer.ts'
import { createBreaker } from './breaker.ts'
import { lifetimeOf, tokensOf } from './captured.ts'
import type { Exchange, Exchanged } from './exchange.ts'
import { reasonOf } from './reason.ts'
import { type AnswerRules, readRefreshAnswer } from './refresh-answer.ts'
import type { Verifier } from './verify.ts'

/** A POST to the captured API over a connection of the gateway's own. Header block flat: name, value, name, value. */
export interface Message {
  readonly path: string
  readonly headers: readonly string[]
  readonly body: string
}

/** Resolves with the whole answer, whatever its status; rejects where there is none within so many milliseconds. */
export type Post = (message: Message, timeout: number) => Promise<Answer>

export interface CapturedRefresh extends AnswerRules {
  readonly path: string
  readonly format: 'json' | 'form' | 'bearer'
  /** Of the JSON object or of the form. */
  readonly field: string
  /** Milliseconds, as is `timeout`. */
  readonly refreshBefore: number
  readonly timeout: number
  /** That of the login. */
  readonly verify: Verifier
}

/** How the sessions of a captured login get new tokens: by asking the API as its own clients would. */
export const createCapturedExchange = (rules: CapturedRefresh, post: Post): Exchange => {
  const { refreshBefore, timeout, verify } = rules
  const breaker = createBreaker()

  const exchange = async (session: Session, tokens: Tokens): Promise<Exchanged> => {
    const { refreshToken } = tokens
    if (refreshToken === undefined) return failed('the session has no refresh token')
    const wait = breaker.wait(performance.now())
    if (wait > 0) return failed('the API has failed a moment ago', wait)
    let answer: Answer
    try {
      answer = await post(messageOf(rules, refreshToken), timeout)
    } catch (error) {
      breaker.failed(performance.now())
      return failed(reasonOf(error))
    }
    const read = readRefreshAnswer(answer, rules)
    if (read.kind === 'failed' && read.isOutage) {
      breaker.failed(performance.now(), read.retryAfter)
    } else breaker.answered()
    if (read.kind !== 'tokens') return read
    return believe(session, refreshToken, read.accessToken, read.refreshToken, read.value)
  }

  const believe = async (
    session: Session,
    used: string,
    accessToken: string,
    refreshToken: string,
    answer: unknown,
  ): Promise<Exchanged> => {
    const verdict = await verify(accessToken)
    const next = refreshToken === '' ? used : refreshToken
    switch (verdict.kind) {
      case 'forged':
        return failed(`the token: ${verdict.reason}`)
      case 'unavailable':
        // A rotated refresh token must not be lost because the keys are not to be had just now.
        return next === used
          ? failed(verdict.reason)
          : { kind: 'rotated', reason: verdict.reason, refreshToken: next }
      case 'verified': {
        const tokens = tokensOf(verdict, accessToken, next, answer)
        return verdict.subject === session.meta.sub
          ? { kind: 'tokens', tokens, lifetime: lifetimeOf(verdict) }
          : { kind: 'foreign', reason: 'the token is of another person', tokens }
      }
    }
  }

  return {
    ...{ refreshBefore, timeout, exchange },
    ready: async () => true,
    // There is no telling how this API would take a token back.
    revoke: () => undefined,
  }
}

const messageOf = ({ path, format, field }: CapturedRefresh, refreshToken: string): Message => {
  const accept = ['accept', 'application/json']
  switch (format) {
    case 'json':
      return {
        path,
        headers: [...accept, 'content-type', 'application/json'],
        body: JSON.stringify({ [field]: refreshToken }),
      }
    case 'form':
      return {
        path,
        headers: [...accept, 'content-type', 'application/x-www-form-urlencoded'],
        body: new URLSearchParams([[field, refreshToken]]).toString(),
      }
    case 'bearer':
      return { path, headers: [...accept, 'authorization', `Bearer ${refreshToken}`], body: '' }
  }
}

const failed = (reason: string, retryAfter?: number): Exchanged => ({
  kind: 'failed',
  ...{ reason, retryAfter },
})
