import type { IncomingHttpHeaders } from 'node:http'

/** What of a route decides about cross-origin reading. */
export interface CorsRules {
  /** Exact origins; empty = no CORS at all. */
  readonly corsOrigins: ReadonlySet<string>
  /** The value of `Allow`. */
  readonly allow: string
}

export interface CorsHeaders {
  /** The request's origin may use the route. */
  readonly listed: boolean
  /** Flat. */
  readonly headers: readonly string[]
}

/** How long a browser may keep a preflight's answer, in seconds. */
const maxAge = '600'
const vary: readonly string[] = ['vary', 'Origin']
const closed: CorsHeaders = { listed: false, headers: [] }
const unlisted: CorsHeaders = { listed: false, headers: vary }
/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * True for a CORS preflight (Fetch standard, CORS-preflight fetch). Its route is that of the method it
 * asks for, `access-control-request-method`; it carries no session and never goes upstream.
 */
export const isPreflight = (method: string, headers: IncomingHttpHeaders): boolean =>
  method === 'OPTIONS' &&
  headers.origin !== undefined &&
  headers['access-control-request-method'] !== undefined

/** The headers of a preflight's answer (204), flat. For an origin that is not listed they allow nothing. */
export const preflightHeaders = (
  route: CorsRules,
  headers: IncomingHttpHeaders,
): readonly string[] => {
  const answer = corsHeaders(route, headers.origin)
  if (!answer.listed) return answer.headers
  const asked = tokens(headers['access-control-request-headers'])
  return [
    ...answer.headers,
    'access-control-allow-methods',
    route.allow,
    ...(asked === '' ? [] : ['access-control-allow-headers', asked]),
    'access-control-max-age',
    maxAge,
  ]
}

/** What is echoed is nothing but tokens, so that a crafted list cannot say more than names. */
const tokens = (list: string | undefined): string =>
  (list ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => token.test(name))
    .join(', ')

/**
 * The headers that an answer on the route carries, flat, the gateway's own refusals too, so that a
 * listed page can read them. `Vary` also for the origins that are not listed, or a cache would mix the two.
 */
export const corsHeaders = (route: CorsRules, origin: string | undefined): CorsHeaders => {
  if (route.corsOrigins.size === 0) return closed
  if (origin === undefined || !route.corsOrigins.has(origin)) return unlisted
  const allowed = [
    'access-control-allow-origin',
    origin,
    'access-control-allow-credentials',
    'true',
  ]
  return { listed: true, headers: [...allowed, ...vary] }
}

/** True for a lower-case name that only the gateway may set: an upstream knows nothing of our origins. */
export const isCorsHeader = (name: string): boolean => name.startsWith('access-control-')
