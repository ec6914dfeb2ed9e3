import type { IncomingHttpHeaders } from 'node:http'
import { type Claims, claimReader } from './claims.ts'

/** What of a session decides; claims come from a verified token. */
export interface Identity {
  readonly scopes: ReadonlySet<string>
  readonly claims: Claims
}

export interface Requirements {
  /** Every one is needed. */
  readonly scopes: readonly string[]
  /** Every one must hold. */
  readonly claims: readonly ClaimRule[]
  /** One of these is needed of the login; empty: any will do. */
  readonly acr: readonly string[]
  /** Milliseconds since the person proved who they are, at most. */
  readonly maxAge: number | undefined
}

export interface ClaimRule {
  readonly name: string
  readonly holds: (claims: Claims) => boolean
}

export interface AccessRules {
  readonly auth: 'session' | 'optional' | 'none'
  readonly pages: boolean
  readonly require: Requirements | undefined
}

export type Access =
  | { readonly kind: 'forward' }
  | { readonly kind: 'login' }
  | { readonly kind: 'refuse'; readonly code: 'no_session' }
  /** `why` is for the log. */
  | { readonly kind: 'refuse'; readonly code: 'not_allowed'; readonly why: string }
  /** A stronger or fresher login would do. */
  | { readonly kind: 'step_up'; readonly navigation: boolean }

const forward: Access = { kind: 'forward' }
const login: Access = { kind: 'login' }
const noSession: Access = { kind: 'refuse', code: 'no_session' }

export interface Asked {
  readonly method?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/**
 * Decides what becomes of a request whose session is `session`, undefined for none that lives. `now` is
 * milliseconds of the wall clock, with which alone `auth_time` can be compared.
 */
export const decide = (
  route: AccessRules,
  session: Identity | undefined,
  { method, headers }: Asked,
  now: () => number = Date.now,
): Access => {
  if (route.auth === 'none') return forward
  if (session === undefined) {
    if (route.auth === 'optional') return forward
    return route.pages && isNavigation(method, headers) ? login : noSession
  }
  if (route.require === undefined) return forward
  const verdict = examine(route.require, session)
  if (verdict.kind !== 'forward' || isFresh(route.require, session, now)) return verdict
  return { kind: 'step_up', navigation: route.pages && isNavigation(method, headers) }
}

/** OpenID Connect Core 1.0 section 2: `acr` and `auth_time` of the login that made the session. */
const isFresh = (
  { acr, maxAge }: Requirements,
  { claims }: Identity,
  now: () => number,
): boolean => {
  const { acr: reached, auth_time: provedAt } = claims
  if (acr.length > 0 && !(typeof reached === 'string' && acr.includes(reached))) return false
  if (maxAge === undefined) return true
  return typeof provedAt === 'number' && now() - provedAt * 1000 <= maxAge
}

const examine = (required: Requirements, session: Identity): Access => {
  for (const scope of required.scopes) {
    if (!session.scopes.has(scope)) return notAllowed(`the session lacks scope ${scope}`)
  }
  for (const claim of required.claims) {
    if (!claim.holds(session.claims)) return notAllowed(`claim ${claim.name} has no listed value`)
  }
  return forward
}

const notAllowed = (why: string): Access => ({ kind: 'refuse', code: 'not_allowed', why })

/** A rule that holds where the claim, or one element of it, is one of `values`; numbers and booleans as JSON writes them. */
export const claimRule = (name: string, values: readonly unknown[]): ClaimRule => {
  const read = claimReader(name)
  const listed = new Set(values.map(String))
  const isListed = (value: unknown): boolean =>
    (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') &&
    listed.has(String(value))
  return {
    name,
    holds: claims => {
      const value = read(claims)
      return Array.isArray(value) ? value.some(isListed) : isListed(value)
    },
  }
}

/**
 * True for a page that the browser opens in a tab, which can be sent to a login: by Fetch Metadata, and
 * from a browser without it by the `Accept` that only navigations send.
 */
export const isNavigation = (method: string | undefined, headers: IncomingHttpHeaders): boolean => {
  if (method !== 'GET') return false
  const mode = headers['sec-fetch-mode']
  const dest = headers['sec-fetch-dest']
  if (mode !== undefined || dest !== undefined) return mode === 'navigate' && dest === 'document'
  return headers.accept?.toLowerCase().includes('text/html') === true
}
