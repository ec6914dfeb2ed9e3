import { isLoopback, readAddress } from './addresses.ts'
import { type Problem, pointer } from './problem.ts'
import type { Config, RouteConfig } from './schema.ts'
import { isBehindUnknownProxy } from './unknown-proxy.ts'
import { isLocalOrigin } from './urls.ts'

/** What is allowed, but worth a word in `claimcheck check`. */
export const notes = (config: Config): Problem[] => [
  ...listenerNotes(config),
  ...redisNotes(config),
  ...sessionNotes(config),
  ...providerNotes(config),
  ...upstreamNotes(config),
  ...config.routes.flatMap((route, index) => [...routeNotes(route, index)]),
]

const day = 86_400_000

function* listenerNotes(config: Config): Generator<Problem> {
  const { admin, log } = config
  if (isBehindUnknownProxy(config))
    yield {
      path: '/trustedProxies',
      message:
        'is empty, and publicUrl is https: name the proxy that ends TLS, or its address stands for all clients, and logins are not limited by address',
    }
  const host = readAddress(admin.listen)?.host ?? ''
  if (!isLoopback(host) && host !== '::1')
    yield {
      path: '/admin/listen',
      message: 'is open to other machines: see that only your own can reach it',
    }
  if (log.level === 'debug' || log.level === 'trace')
    yield { path: '/log/level', message: 'is for finding a fault: many lines a request' }
}

function* redisNotes({ redis: { url, sentinel }, publicUrl }: Config): Generator<Problem> {
  const path = '/redis/url'
  if (url === 'embedded' && !isLocalOrigin(publicUrl))
    yield {
      path,
      message:
        'is embedded: the sessions are on this machine alone, without a replica, and no second gateway can share them',
    }
  const exposed =
    sentinel === undefined
      ? url?.startsWith('redis:') && !isLoopback(new URL(url).hostname)
      : !url?.startsWith('rediss:')
  if (exposed)
    yield {
      path: url === undefined ? '/redis/sentinel' : path,
      message:
        'is not TLS: whoever is on the way reads who is logged in, though no token, and can log people out (fine in a network of your own)',
    }
}

function* sessionNotes({ session }: Config): Generator<Problem> {
  if (session.cache === 'off')
    yield {
      path: '/session/cache',
      message: 'is off: every request waits for Redis, and a delete is no quicker for it',
    }
  if (session.cacheLease > 10_000)
    yield {
      path: '/session/cacheLease',
      message: 'is how long a log-out may go unnoticed where the link to Redis dies silently',
    }
  if (session.absoluteTimeout > 30 * day)
    yield {
      path: '/session/absoluteTimeout',
      message: 'is longer than 30 days: a cookie that was stolen is good for as long as it is used',
    }
}

function* providerNotes({ oidc }: Config): Generator<Problem> {
  const index = oidc?.scopes.indexOf('offline_access') ?? -1
  if (index >= 0)
    yield {
      path: pointer('oidc', 'scopes', index),
      message:
        'asks for refresh tokens that go on after a log-out at the provider: rely on back-channel log-out to end sessions here',
    }
}

const plain =
  'is plain http to another machine: whoever is on the way can read the tokens (fine in a network of your own)'

const isExposed = (target: string): boolean =>
  target.startsWith('http:') && !isLoopback(new URL(target).hostname)

function* upstreamNotes({ upstreams }: Config): Generator<Problem> {
  for (const [name, { targets }] of Object.entries(upstreams))
    for (const [index, target] of targets.entries())
      if (isExposed(target))
        yield { path: pointer('upstreams', name, 'targets', index), message: plain }
}

/** What it means to switch a defence off; every key that does so begins with `allow`. */
const relaxations: Readonly<Record<string, string>> = {
  allowClientAuthorization:
    'lets a client’s own Authorization through where it sends no cookie: the API must verify it',
  allowEncodedSlash:
    'forwards %2F: the upstream must not take it for a slash when it decides who may what',
  allowEmptySegments: 'forwards //: the upstream must not fold it when it decides who may what',
  allowPathParameters: 'forwards ;: the upstream must not cut it off when it decides who may what',
  allowSharedCache:
    'lets a cache in front keep what the upstream marks public, and give it to people without a session',
}

function* routeNotes(route: RouteConfig, index: number): Generator<Problem> {
  const at = (...keys: (string | number)[]): string => pointer('routes', index, ...keys)
  if (isExposed(route.upstream)) yield { path: at('upstream'), message: plain }
  for (const [key, value] of Object.entries(route))
    if (key.startsWith('allow') && value === true)
      yield { path: at(key), message: relaxations[key] ?? 'switches a defence off' }
  const all = route.cookies.indexOf('*')
  if (all >= 0)
    yield {
      path: at('cookies', all),
      message: 'gives the upstream every cookie of the browser but ours',
    }
  if (route.capture?.verify.allowInsecureJwks)
    yield {
      path: at('capture', 'verify', 'allowInsecureJwks'),
      message: 'fetches keys over plain http: whoever is on the way can log in as anybody',
    }
}
