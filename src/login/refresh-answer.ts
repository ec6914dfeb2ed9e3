import { type Answer, readContent, valuesOf } from './answer.ts'
import { textAt } from './captured.ts'
import { readRetryAfter } from './fault.ts'
import { cutJson } from './json-text.ts'
import { type Pointer, resolve } from './pointer.ts'

export interface AnswerRules {
  readonly token: Pointer
  readonly refreshToken: Pointer
  /** Statuses that say that a refresh token is not good any more. */
  readonly refusals: ReadonlySet<number>
}

export type RefreshAnswer =
  | {
      readonly kind: 'tokens'
      /** Not verified yet. */
      readonly accessToken: string
      /** Empty where there is no new one. */
      readonly refreshToken: string
      /** All that was answered. */
      readonly value: unknown
    }
  /** The refresh token is not good any more. */
  | { readonly kind: 'over'; readonly reason: string }
  /** Nothing was learnt of this session; `isOutage`: nor would be of any other. */
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly isOutage: boolean
      readonly retryAfter: number | undefined
    }

/** Errors of RFC 6749 section 5.2, and of servers in trouble, that say nothing of the refresh token. */
const elsewhere: readonly unknown[] = [
  ...['invalid_request', 'invalid_client', 'unauthorized_client', 'unsupported_grant_type'],
  ...['invalid_scope', 'server_error', 'temporarily_unavailable', 'slow_down'],
]

/**
 * Reads what an API with a login of its own answers to a refresh token. A session ends only by what plainly
 * speaks of that token: `invalid_grant` with 400 or 401, or one of the statuses that the operator names,
 * unless its `error` blames something else.
 */
export const readRefreshAnswer = (answer: Answer, rules: AnswerRules): RefreshAnswer => {
  const { status } = answer
  const read = jsonOf(answer)
  if (status >= 200 && status < 300) {
    if (typeof read === 'string') return failed(`the answer ${read}`)
    const accessToken = textAt(read.value, rules.token) ?? ''
    const refreshToken = textAt(read.value, rules.refreshToken)
    if (accessToken === '') return failed('there is no token in the answer')
    if (refreshToken === undefined) return failed('the new refresh token is not a string')
    return { kind: 'tokens', accessToken, refreshToken, value: read.value }
  }
  const error = typeof read === 'string' ? undefined : resolve(read.value, ['error'])
  const reason = `the API answered ${status}`
  if (error === 'invalid_grant' && (status === 400 || status === 401))
    return { kind: 'over', reason }
  if (rules.refusals.has(status) && !elsewhere.includes(error)) return { kind: 'over', reason }
  const [later = null] = valuesOf(answer.headers, 'retry-after')
  return {
    ...{ kind: 'failed', reason, isOutage: status >= 500 || status === 429 },
    retryAfter: readRetryAfter(later),
  }
}

/** The JSON of an answer, or why it has none. Read as strictly as that of a login. */
const jsonOf = (answer: Answer): { readonly value: unknown } | string => {
  const content = readContent(answer)
  switch (content.kind) {
    case 'json': {
      const json = cutJson(content.text, [])
      return json.kind === 'cut' ? json : json.reason
    }
    case 'other':
      return content.reason
    default:
      return `is ${content.kind}`
  }
}

const failed = (reason: string): RefreshAnswer => ({
  ...{ kind: 'failed', reason, isOutage: false, retryAfter: undefined },
})
