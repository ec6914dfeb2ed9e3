import { type Meta, scopesOf, type Tokens } from './record.ts'

/** A session as requests use it and the cache holds it. Deadlines are `performance.now()` milliseconds. */
export interface Session {
  readonly handle: string
  readonly meta: Meta
  /** SHA-1 of the stored bytes: which version of the record this is. */
  readonly version: string
  /** Ready values of `Authorization`. */
  readonly bearers: Readonly<Record<'access_token' | 'id_token', string | undefined>>
  readonly scopes: ReadonlySet<string>
  readonly claims: Readonly<Record<string, unknown>>
  readonly hasRefreshToken: boolean
  /** Never later than Redis' own deadline, because it is counted from before the question was sent. */
  readonly idleDeadline: number
  readonly absoluteDeadline: number
  /** Infinity where the access token's end is not known. */
  readonly tokenDeadline: number
}

interface Loaded {
  readonly handle: string
  readonly meta: Meta
  readonly version: string
  readonly tokens: Tokens
  /** When Redis was asked, in `performance.now()` milliseconds. */
  readonly sent: number
  /** What it answered: the record's remaining life, and its own time. */
  readonly life: number
  readonly now: number
}

/** Undefined for what would not stay one header value, whoever stored it (RFC 6750 section 2.1, RFC 9110 section 5.5). */
const bearerOf = (token: string | undefined): string | undefined =>
  token !== undefined && /^[!-~]+$/.test(token) ? `Bearer ${token}` : undefined

/** What of a loaded record is kept at hand. The refresh token is not: it stays sealed. */
export const createSession = (loaded: Loaded): Session => {
  const { handle, meta, version, tokens, sent, life, now } = loaded
  const { accessToken, idToken, refreshToken, claims } = tokens
  const absoluteDeadline = sent + meta.expires - now
  return {
    ...{ handle, meta, version, claims },
    scopes: scopesOf(tokens),
    bearers: { access_token: bearerOf(accessToken), id_token: bearerOf(idToken) },
    hasRefreshToken: refreshToken !== undefined,
    idleDeadline: Math.min(sent + life, absoluteDeadline),
    absoluteDeadline,
    tokenDeadline: meta.tokenExpires === undefined ? Infinity : sent + meta.tokenExpires - now,
  }
}
