import type { IncomingHttpHeaders } from 'node:http'

/** What the check needs to know of a place: a route, or the gateway's own endpoints. */
export interface CrossSiteRules {
  /** As browsers write it in `Origin`; from the config, never from `Host`. */
  readonly publicOrigin: string
  readonly corsOrigins: ReadonlySet<string>
  /** May be navigated to from other sites. */
  readonly pages: boolean
  /** Clients that are no browsers may use it: they send neither `Origin` nor Fetch Metadata. */
  readonly capture: boolean
}

export type CrossSite =
  | { readonly kind: 'pass' }
  /** The reason is for the log. */
  | { readonly kind: 'refuse'; readonly reason: string }

const pass: CrossSite = { kind: 'pass' }
const refuse = (reason: string): CrossSite => ({ kind: 'refuse', reason })
const foreignSocket = refuse('a WebSocket from another origin, or without one')
const prefetch = refuse('a prefetch that another site may have asked for')
const typedUnsafe = refuse('an unsafe method without a page of ours behind it')
const otherSite = refuse('made by a page of another site')
const foreignOrigin = refuse('made by a page of another origin')
const unknownOrigin = refuse('an unsafe method from a client that does not say where it comes from')

const isSafe = (method: string): boolean =>
  method === 'GET' || method === 'HEAD' || method === 'OPTIONS'

/**
 * Decides whether a request may use the browser's session, by Fetch Metadata, else by `Origin`; the first
 * line that fits decides. A header sent twice arrives joined with a comma, so it equals nothing here.
 */
export const crossSite = (
  method: string,
  headers: IncomingHttpHeaders,
  rules: CrossSiteRules,
  websocket = false,
): CrossSite => {
  const { origin } = headers
  const site = headers['sec-fetch-site']
  const listed = origin !== undefined && rules.corsOrigins.has(origin)
  const known = listed || origin === rules.publicOrigin
  if (websocket) return known ? pass : foreignSocket
  if (site !== 'same-origin' && isPrefetch(headers)) return prefetch
  switch (site) {
    case 'same-origin':
      return pass
    case 'none':
      return known || isSafe(method) ? pass : typedUnsafe
    case undefined:
      if (origin !== undefined) return known ? pass : foreignOrigin
      return rules.capture || isSafe(method) ? pass : unknownOrigin
    default:
      return listed || (rules.pages && isDocument(headers, method)) ? pass : otherSite
  }
}

/** `Sec-Purpose: prefetch`, alone or with parameters such as `;prerender`, and its elder spelling. */
const isPrefetch = (headers: IncomingHttpHeaders): boolean =>
  ['sec-purpose', 'purpose'].some(name =>
    headers[name]?.toString().toLowerCase().includes('prefetch'),
  )

/** A page that the browser opens in a tab, by a link, a form with GET or the address bar; not in a frame. */
const isDocument = (headers: IncomingHttpHeaders, method: string): boolean =>
  method === 'GET' &&
  headers['sec-fetch-mode'] === 'navigate' &&
  headers['sec-fetch-dest'] === 'document'
