import type { IncomingMessage } from 'node:http'
import type { Forwarding } from './client-address.ts'
import { upstreamCookies } from './cookies.ts'
import {
  createDisguised,
  hopByHop,
  isSpoofable,
  nominated,
  rememberName,
  spoofable,
} from './headers.ts'
import type { RoutePlan } from './plan.ts'

const pass = 0
const drop = 1
const once = 2
const cookie = 3
const authorization = 4
const via = 5
const conditional = 6
const requestId = 7
type Action = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7

const actions: Readonly<Record<string, Action>> = {
  __proto__: null as never,
  authorization,
  cookie,
  via,
  'accept-encoding': conditional,
  'content-length': once,
  'content-type': once,
  expect: drop,
  host: once,
  'if-match': conditional,
  'if-modified-since': conditional,
  'if-none-match': conditional,
  'if-range': conditional,
  'if-unmodified-since': conditional,
  origin: once,
  range: conditional,
  'x-request-id': requestId,
}

export interface RequestHeaderOptions {
  readonly publicUrl: URL
  /** The pseudonym in `Via`: a request that carries it has been here before. */
  readonly pseudonym: string
  /** Folded names of every header that any route fills from claims. */
  readonly claimHeaders: ReadonlySet<string>
  /** Folded names of our cookies never go upstream. */
  readonly ownCookies: ReadonlySet<string>
}

export interface Identity {
  readonly id: string
  readonly forwarding: Forwarding
  /** The ready `Authorization` value, or undefined where the route sends none. */
  readonly bearer: string | undefined
  /** True where the client's own `Authorization` goes through (`allowClientAuthorization`, without our cookie). */
  readonly clientAuthorization: boolean
  /** Header names and values made from claims, flat. */
  readonly claims: readonly string[]
}

export type HeadersRefused = 'malformed_request' | 'loop_detected'

export type RequestHeaders = ReturnType<typeof createRequestHeaders>

/**
 * Builds the header block that goes upstream, flat, from the block that came: client identity,
 * hop-by-hop and nominated fields and their look-alikes out, then ours in, so that nothing a client
 * sends can remove or shadow them (CVE-2026-33805). Refuses doubled singletons and loops.
 */
export const createRequestHeaders = (options: RequestHeaderOptions) => {
  const { pseudonym } = options
  const ruled = [...hopByHop, ...spoofable, ...options.claimHeaders, ...Object.keys(actions)]
  const isDisguised = createDisguised(ruled)
  const actionOf = rememberName<Action>(lower => {
    if (hopByHop.has(lower) || isSpoofable(lower) || options.claimHeaders.has(lower)) return drop
    return actions[lower] ?? (isDisguised(lower) ? drop : pass)
  })
  const host = options.publicUrl.host
  const proto = options.publicUrl.protocol.slice(0, -1)

  return (
    req: IncomingMessage,
    route: RoutePlan,
    authority: string,
    identity: Identity,
  ): string[] | HeadersRefused => {
    const raw = req.rawHeaders
    const removed = nominated(req.headers.connection)
    const headers: string[] = ['host', authority]
    let seen = ''
    let viaBefore = ''
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] ?? ''
      const value = raw[i + 1] ?? ''
      const action = actionOf(name)
      if (action === drop) continue
      if (action === via) {
        if (value.includes(pseudonym)) return 'loop_detected'
        viaBefore += `${value}, `
        continue
      }
      if (action === once) {
        const lower = name.toLowerCase()
        // HD-05: whoever reads the first and whoever reads the last of two would disagree.
        if (seen.includes(`${lower};`)) return 'malformed_request'
        seen += `${lower};`
        if (lower === 'host') continue
      } else if (action === authorization) {
        if (!identity.clientAuthorization) continue
        if (seen.includes('authorization;')) return 'malformed_request'
        seen += 'authorization;'
      } else if (action === cookie) {
        const kept = upstreamCookies(value, route.cookies, options.ownCookies)
        if (kept !== undefined && !removed?.has('cookie')) headers.push(name, kept)
        continue
      } else if (action === conditional) {
        // A capture has to read the whole answer as it is.
        if (route.capture !== undefined) continue
      } else if (action === requestId) continue
      if (removed?.has(name.toLowerCase())) continue
      headers.push(name, value)
    }
    const { forwarding } = identity
    headers.push(
      'x-forwarded-for',
      forwarding.forwardedFor,
      'x-forwarded-host',
      host,
      'x-forwarded-proto',
      proto,
      'forwarded',
      forwarding.forwarded,
      'via',
      `${viaBefore}1.1 ${pseudonym}`,
      'x-request-id',
      identity.id,
    )
    for (const part of identity.claims) headers.push(part)
    if (identity.bearer !== undefined) headers.push('authorization', identity.bearer)
    return headers
  }
}
