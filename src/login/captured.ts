import type { Tokens } from '../session/store.ts'
import { type Pointer, resolve } from './pointer.ts'
import type { Verdict } from './verify.ts'

export type Verified = Extract<Verdict, { kind: 'verified' }>

/** An `exp` beyond is a mistake (milliseconds for seconds); Redis is asked to count with what is stored. */
const longestLife = 100 * 365 * 86_400_000

/** The string at a pointer; empty where there is none, which many APIs write as null; undefined for anything else. */
export const textAt = (value: unknown, pointer: Pointer): string | undefined => {
  const found = resolve(value, pointer) ?? ''
  return typeof found === 'string' ? found : undefined
}

/** Milliseconds until a verified token runs out. Its `exp` is a date, so only a wall clock can compare it. */
export const lifetimeOf = ({ expires }: Verified): number =>
  Math.min(Math.max(Math.floor(expires - Date.now()), 0), longestLife)

/** What a session keeps of an answer of the API and of the token in it. */
export const tokensOf = (
  { claims }: Verified,
  accessToken: string,
  refreshToken: string,
  answer: unknown,
): Tokens => {
  const { scope: scopes, scp } = claims
  const scope = scopeOf([resolve(answer, ['scope']), scopes, scp])
  return {
    accessToken,
    ...(refreshToken !== '' && { refreshToken }),
    ...(scope !== undefined && { scope }),
    claims,
  }
}

/** The first that is a scope: a string (RFC 6749 section 3.3), or a list as some providers write it. */
const scopeOf = (candidates: readonly unknown[]): string | undefined => {
  for (const scope of candidates) {
    if (typeof scope === 'string') return scope
    if (Array.isArray(scope) && scope.every(word => typeof word === 'string'))
      return scope.join(' ')
  }
  return undefined
}
