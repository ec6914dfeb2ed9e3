import { isLoopback, readAddress } from '../config/addresses.ts'
import type { Config, UpstreamConfig } from '../config/schema.ts'

export interface TargetPlan {
  readonly protocol: 'http:' | 'https:'
  /** In normal form; that of a unix socket is `http://localhost`. */
  readonly origin: string
  /** What goes into `Host`. */
  readonly authority: string
  readonly socketPath: string | undefined
}

export interface UpstreamPlan {
  /** Its name in the config, or the URL that a route gives instead of one. */
  readonly name: string
  readonly targets: readonly TargetPlan[]
  /** Milliseconds, as the next two. */
  readonly connectTimeout: number
  readonly headersTimeout: number
  readonly idleTimeout: number
  readonly tls: UpstreamConfig['tls']
}

/** What holds for an upstream that is only a URL: the defaults of the schema. */
const standard = { connectTimeout: 2000, headersTimeout: 30_000, idleTimeout: 60_000 }

/** A route's `upstream` is a URL, not a name: names have no colon. */
export const isUrl = (upstream: string): boolean => upstream.includes(':')

const targetPlan = (text: string): TargetPlan => {
  if (text.startsWith('unix:')) {
    const socketPath = text.slice('unix:'.length)
    return { protocol: 'http:', origin: 'http://localhost', authority: 'localhost', socketPath }
  }
  const { protocol, origin, host } = new URL(text)
  return {
    protocol: protocol === 'https:' ? 'https:' : 'http:',
    origin,
    authority: host,
    socketPath: undefined,
  }
}

const upstreamPlan = (
  name: string,
  { targets, tls, ...timeouts }: UpstreamConfig,
): UpstreamPlan => ({
  name,
  targets: targets.map(targetPlan),
  ...timeouts,
  tls,
})

/** Every upstream by its name: those of the config, and the URLs that routes give. */
export const upstreamPlans = (config: Config): ReadonlyMap<string, UpstreamPlan> => {
  const plans = new Map<string, UpstreamPlan>()
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    plans.set(name, upstreamPlan(name, upstream))
  }
  for (const { upstream } of config.routes) {
    if (isUrl(upstream))
      plans.set(upstream, upstreamPlan(upstream, { targets: [upstream], ...standard }))
  }
  return plans
}

/** What is wrong with a target of this gateway (`http:`, `https:` or `unix:` URL), or undefined: it must not be the gateway itself. */
export const wrongWithTarget = (text: string, config: Config): string | undefined => {
  if (text.startsWith('unix:')) return undefined
  const url = new URL(text)
  if (url.origin === config.publicUrl) return 'is publicUrl: requests would go in a circle'
  if (isAt(url, config.listen))
    return 'is the address that the gateway listens on: requests would go in a circle'
  return isAt(url, config.admin.listen)
    ? 'is the admin listener, which is not for the public'
    : undefined
}

const isAt = (url: URL, listen: string): boolean => {
  const address = readAddress(listen)
  if (address === undefined || address.port === 0) return false
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const host = address.host.includes(':') ? `[${address.host}]` : address.host.toLowerCase()
  return port === address.port && (url.hostname === host || (isHere(url.hostname) && isHere(host)))
}

/** A host by which this machine reaches itself; all addresses (`0.0.0.0`) include the loopback. */
const isHere = (host: string): boolean => isLoopback(host) || host === '0.0.0.0' || host === '[::]'
