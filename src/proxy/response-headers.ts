import { setsOwnCookie } from './cookies.ts'
import { isCorsHeader } from './cors.ts'
import { hopByHop, nominated, remember, rememberName } from './headers.ts'
import type { RoutePlan } from './plan.ts'

const pass = 0
const drop = 1
const connection = 2
const setCookie = 3
const location = 4
const cacheControl = 5
const sessionOnly = 6
const authenticate = 7
const vary = 8
type Action = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

const actions: Readonly<Record<string, Action>> = {
  __proto__: null as never,
  connection,
  location,
  'cache-control': cacheControl,
  // It could remove our cookie from the browser.
  'clear-site-data': drop,
  'content-location': location,
  'service-worker-allowed': sessionOnly,
  'set-cookie': setCookie,
  // The gateway speaks for the origin, see strictTransport.
  'strict-transport-security': drop,
  vary,
  'www-authenticate': authenticate,
}

const strictTransport = 'max-age=31536000'

export interface ResponseHeaderOptions {
  readonly publicUrl: URL
  readonly ownCookies: ReadonlySet<string>
}

const directivesIn = (value: string): string[] =>
  value
    .split(',')
    .map(directive => directive.trim())
    .filter(directive => directive !== '')

const isClosed = (directive: string): boolean => /^(?:private|no-store)(?:=|$)/i.test(directive)

/** Makes a `Cache-Control` that no shared cache stores (RFC 9111 section 5.2.2); what the upstream forbade stays forbidden. */
export const privateCacheControl = (value: string): string => {
  const directives = directivesIn(value).filter(
    directive => !/^(?:public|s-maxage|proxy-revalidate)(?:=|$)/i.test(directive),
  )
  const closed = directives.some(directive => /^(?:private|no-store)$/i.test(directive))
  return closed ? directives.join(', ') : ['private', ...directives].join(', ')
}

/**
 * True for a `Cache-Control` by which a shared cache may keep the answer to a request with `Authorization`
 * (RFC 9111 section 3.5): the upstream got one, though the cache in front of us does not see it.
 */
export const isForSharedCaches = (value: string): boolean => {
  const directives = directivesIn(value)
  return (
    directives.some(directive => /^(?:public$|s-maxage=)/i.test(directive)) &&
    !directives.some(isClosed)
  )
}

const union = (
  one: ReadonlySet<string> | undefined,
  other: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined =>
  one === undefined || other === undefined ? (one ?? other) : new Set([...one, ...other])

export type ResponseHeaders = ReturnType<typeof createResponseHeaders>

/**
 * Builds the header block that goes to the client, flat, from what the upstream sent: hop-by-hop and
 * nominated fields out (CVE-2026-71849), our cookies never set or removed by an upstream, answers
 * to a session private, `Location` mapped back to the public URL. `extra` is appended as it is.
 */
export const createResponseHeaders = (options: ResponseHeaderOptions) => {
  const https = options.publicUrl.protocol === 'https:'
  const cacheControlOf = remember(privateCacheControl)
  const actionOf = rememberName<Action>(name => {
    const action = actions[name]
    if (action !== undefined) return action
    // RFC 9213: they win over the Cache-Control that is made private below.
    if (name.endsWith('cdn-cache-control') || name === 'surrogate-control') return sessionOnly
    if (hopByHop.has(name) || name.startsWith('x-accel-')) return drop
    return isCorsHeader(name) ? sessionOnly : pass
  })

  return (received: readonly string[], route: RoutePlan, extra: readonly string[]): string[] => {
    const session = route.auth !== 'none'
    const headers: string[] = []
    let removed: ReadonlySet<string> | undefined
    let cache = ''
    let personal = !route.allowSharedCache
    let byBearer = false
    for (let i = 0; i < received.length; i += 2) {
      const name = received[i] ?? ''
      const value = received[i + 1] ?? ''
      switch (actionOf(name)) {
        case pass:
          headers.push(name, value)
          break
        case connection:
          removed = union(removed, nominated(value))
          break
        case setCookie:
          personal = true
          if (!setsOwnCookie(value, options.ownCookies)) headers.push(name, value)
          break
        case vary:
          if (!personal) byBearer ||= /\bauthorization\b/i.test(value)
          headers.push(name, value)
          break
        case location:
          headers.push(name, route.publicLocation(value))
          break
        case cacheControl:
          if (session) cache = cache === '' ? value : `${cache}, ${value}`
          else headers.push(name, value)
          break
        case sessionOnly:
          if (!session) headers.push(name, value)
          break
        case authenticate:
          // HD-08: an upstream's Basic challenge would make the browser ask for a password at our origin.
          if (!session || /^bearer\b/i.test(value)) headers.push(name, value)
          break
        default:
      }
    }
    if (removed !== undefined) {
      for (let i = headers.length - 2; i >= 0; i -= 2) {
        if (removed.has((headers[i] ?? '').toLowerCase())) headers.splice(i, 2)
      }
    }
    if (session) {
      const shared = !personal && isForSharedCaches(cache)
      headers.push('cache-control', shared ? cache : cacheControlOf(cache))
      // What is kept of one session is not for the next one, nor for nobody. Where the upstream looks
      // at the bearer, what differs on this side is the cookie.
      if (!shared || byBearer) headers.push('vary', 'Cookie')
    }
    if (https) headers.push('strict-transport-security', strictTransport)
    for (const part of extra) headers.push(part)
    return headers
  }
}
