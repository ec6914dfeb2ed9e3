import t from 'tap'
import { notes } from '../../src/config/notes.ts'
import type { Config } from '../../src/config/schema.ts'
import { RouteSchema } from '../../src/config/schema-routes.ts'
import { validate } from '../../src/config/validate.ts'

const route = { path: '/', upstream: 'http://127.0.0.1:1', auth: 'none' }

const configOf = (parts: object): Config => {
  const result = validate({
    publicUrl: 'https://app.example.com',
    redis: { url: 'rediss://redis.internal' },
    trustedProxies: ['10.0.0.1'],
    routes: [route],
    ...parts,
  })
  if (result.kind === 'refused') throw result.problems
  return result.config
}
const pathsOf = (parts: object) => notes(configOf(parts)).map(({ path }) => path)
const onRoute = (more: object) => pathsOf({ routes: [{ ...route, ...more }] })

t.test('a config of defaults has no note', t => {
  t.same(pathsOf({}), [])
  t.end()
})

t.test('a note is one line, and goes on after its path', t => {
  const all = notes(configOf({ redis: { url: 'embedded' }, session: { cache: 'off' } }))
  t.equal(all.length, 2)
  for (const { message } of all)
    t.match(message, /^(?:is|asks|lets|forwards|gives|fetches) [^\n]+$/)
  t.end()
})

t.test('CF-05: plain http to another machine', t => {
  const parts = {
    upstreams: { a: { targets: ['https://a', 'http://a', 'unix:/run/a'] } },
    routes: [
      { path: '/', upstream: 'http://b' },
      { path: '/a', upstream: 'a' },
      { path: '/c', upstream: 'http://localhost:1' },
    ],
  }
  t.same(pathsOf(parts), ['/upstreams/a/targets/1', '/routes/0/upstream'])
  t.end()
})

t.test('CF-05: a Redis that others share a wire with, or that is not shared at all', t => {
  const ofRedis = (redis: object, publicUrl = 'https://app.example.com') =>
    pathsOf({ redis, publicUrl })
  t.same(ofRedis({ url: 'embedded' }), ['/redis/url'])
  t.same(ofRedis({ url: 'embedded' }, 'http://localhost:8080'), [])
  t.same(ofRedis({}, 'http://localhost:8080'), [])
  t.same(ofRedis({ url: 'redis://redis.internal' }), ['/redis/url'])
  for (const url of ['redis://127.0.0.1', 'redis://[::1]:1', 'unix:///run/redis.sock'])
    t.same(ofRedis({ url }), [], url)
  const sentinel = { name: 'main', nodes: ['10.0.0.1:26379'] }
  t.same(ofRedis({ sentinel }), ['/redis/sentinel'])
  t.same(ofRedis({ sentinel, url: 'redis://u:p@any' }), ['/redis/url'])
  t.same(ofRedis({ sentinel, url: 'rediss://u:p@any' }), [])
  t.end()
})

t.test('a proxy that ends TLS and is not named', t => {
  t.same(pathsOf({ trustedProxies: [] }), ['/trustedProxies'])
  t.same(pathsOf({ trustedProxies: [], publicUrl: 'http://localhost:8080' }), [])
  t.end()
})

t.test('what is open to others, or says much', t => {
  t.same(pathsOf({ admin: { listen: '0.0.0.0:8081' } }), ['/admin/listen'])
  t.same(pathsOf({ admin: { listen: '[::1]:8081' } }), [])
  for (const level of ['debug', 'trace']) t.same(pathsOf({ log: { level } }), ['/log/level'])
  t.end()
})

t.test('sessions that are slow to end', t => {
  t.same(pathsOf({ session: { cache: 'off' } }), ['/session/cache'])
  t.same(pathsOf({ session: { cacheLease: '11s' } }), ['/session/cacheLease'])
  t.same(pathsOf({ session: { cacheLease: '10s', absoluteTimeout: '720h' } }), [])
  t.same(pathsOf({ session: { absoluteTimeout: '721h' } }), ['/session/absoluteTimeout'])
  const oidc = { issuer: 'https://login', clientId: 'a', clientSecret: 'pR7q-9vXw2_kLm4' }
  t.same(pathsOf({ oidc }), [])
  const scopes = ['openid', 'offline_access']
  t.same(pathsOf({ oidc: { ...oidc, scopes } }), ['/oidc/scopes/1'])
  t.end()
})

t.test('each relaxation is named, whatever it is', t => {
  const flags = Object.keys(RouteSchema.properties).filter(key => key.startsWith('allow'))
  t.ok(flags.length >= 4)
  for (const flag of flags) {
    const config = configOf({ routes: [{ ...route, auth: 'session', [flag]: true }] })
    const all = notes(config)
    t.same(
      all.map(({ path }) => path),
      [`/routes/0/${flag}`],
    )
    t.not(all[0]?.message, 'switches a defence off', `${flag} has words of its own`)
  }
  t.same(onRoute({ cookies: ['theme', '*'] }), ['/routes/0/cookies/1'])
  t.same(onRoute({ cookies: ['theme'] }), [])
  const verify = { jwks: 'http://api.internal/jwks', allowInsecureJwks: true }
  t.same(onRoute({ methods: ['POST'], capture: { name: 'api', token: '/t', verify } }), [
    '/routes/0/capture/verify/allowInsecureJwks',
  ])
  t.end()
})
