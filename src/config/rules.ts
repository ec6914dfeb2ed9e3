import { readAddress } from './addresses.ts'
import { type Problem, pointer } from './problem.ts'
import { captureProblems } from './rules-capture.ts'
import type { Config } from './schema.ts'
import { isLocalOrigin } from './urls.ts'

/** What is wrong between keys, where no part of the gateway has a better place to say it. */
export const rules = (config: Config): Problem[] => [
  ...listenerProblems(config),
  ...redisProblems(config),
  ...timeoutProblems(config),
  ...upstreamProblems(config),
  ...loginProblems(config),
  ...captureProblems(config),
]

function* listenerProblems({ listen, admin }: Config): Generator<Problem> {
  if (listen === admin.listen && readAddress(listen)?.port !== 0)
    yield { path: '/admin/listen', message: 'must not be the address of the public listener' }
}

function* redisProblems({ redis, publicUrl }: Config): Generator<Problem> {
  const { url, sentinel } = redis
  if (sentinel !== undefined && url !== undefined && !/^rediss?:/.test(url))
    yield { path: '/redis/url', message: 'must be redis:// or rediss:// beside sentinel' }
  if (url === undefined && sentinel === undefined && !isLocalOrigin(publicUrl))
    yield {
      path: '/redis/url',
      message: 'is missing: write the URL of your Redis, or embedded to run one beside the gateway',
    }
}

function* timeoutProblems({ session }: Config): Generator<Problem> {
  if (session.idleTimeout > session.absoluteTimeout)
    yield { path: '/session/idleTimeout', message: 'must not be longer than absoluteTimeout' }
}

function* upstreamProblems({ upstreams }: Config): Generator<Problem> {
  for (const [name, { targets, tls }] of Object.entries(upstreams)) {
    if (tls === undefined) continue
    const path = pointer('upstreams', name, 'tls')
    if (!targets.some(target => target.startsWith('https:')))
      yield { path, message: 'means nothing: no target is https' }
    if ((tls.cert === undefined) !== (tls.key === undefined))
      yield { path, message: 'must have both cert and key, or neither' }
  }
}

function* loginProblems({ loginPage, oidc, routes }: Config): Generator<Problem> {
  for (const [index, route] of routes.entries()) {
    if (route.pages && route.auth !== 'none' && loginPage === undefined && oidc === undefined)
      yield {
        path: pointer('routes', index, 'pages'),
        message: 'needs oidc or loginPage: people without a session have to be sent somewhere',
      }
  }
}
