import t from 'tap'
import { mend } from '../../src/config/draft.ts'
import { rules } from '../../src/config/rules.ts'
import { captureProblems } from '../../src/config/rules-capture.ts'
import type { Config } from '../../src/config/schema.ts'
import { validate } from '../../src/config/validate.ts'

const random = 'kR7-vN2_xQ9.tL4~wB8+mZ3/pF6hJ5cD='

const configOf = (parts: object): Config => {
  const result = validate({
    publicUrl: 'https://app.example.com',
    redis: { url: 'redis://redis' },
    routes: [{ path: '/', upstream: 'http://127.0.0.1:1', auth: 'none' }],
    ...parts,
  })
  if (result.kind === 'refused') throw result.problems
  return result.config
}
const problemsOf = (parts: object) =>
  rules(configOf(parts)).map(({ path, message }) => `${path}: ${message}`)

t.test('the least config breaks no rule', t => {
  t.same(problemsOf({}), [])
  t.end()
})

t.test('the listeners have addresses of their own', t => {
  t.match(problemsOf({ listen: '127.0.0.1:1', admin: { listen: '127.0.0.1:1' } }), [
    /^\/admin\/listen: /,
  ])
  t.same(problemsOf({ listen: '127.0.0.1:0', admin: { listen: '127.0.0.1:0' } }), [])
  t.end()
})

t.test('an embedded Redis is silent on localhost only', t => {
  t.match(problemsOf({ redis: {} }), [/^\/redis\/url: is missing: .*embedded/])
  t.same(problemsOf({ redis: { url: 'embedded' } }), [])
  t.same(problemsOf({ redis: {}, publicUrl: 'http://localhost:8080' }), [])
  t.end()
})

t.test('Sentinel needs no URL, and takes no socket', t => {
  const sentinel = { name: 'mymaster', nodes: ['10.0.0.1:26379'] }
  t.same(problemsOf({ redis: { sentinel } }), [])
  t.same(problemsOf({ redis: { sentinel, url: 'rediss://:secret@any' } }), [])
  for (const url of ['embedded', 'unix:///run/redis.sock'])
    t.match(problemsOf({ redis: { sentinel, url } }), [/^\/redis\/url: must be redis:/])
  t.end()
})

t.test('CF-02: a session is not idle for longer than it lives', t => {
  const session = { idleTimeout: '2h', absoluteTimeout: '1h' }
  t.match(problemsOf({ session }), [
    /^\/session\/idleTimeout: must not be longer than absoluteTimeout/,
  ])
  t.same(problemsOf({ session: { idleTimeout: '1h', absoluteTimeout: '1h' } }), [])
  t.end()
})

t.test('TLS settings belong to https targets, and certificate and key to each other', t => {
  const upstreams = (target: string, tls: object) => ({
    upstreams: { a: { targets: [target], tls } },
  })
  t.same(problemsOf(upstreams('https://a', { ca: 'ca.pem', cert: 'c', key: 'k' })), [])
  t.match(problemsOf(upstreams('http://127.0.0.1', {})), [/^\/upstreams\/a\/tls: means nothing/])
  t.match(problemsOf(upstreams('https://a', { cert: 'c' })), [/both cert and key/])
  t.same(problemsOf({ upstreams: { a: { targets: ['https://a'] } } }), [])
  t.end()
})

t.test('pages need a page to log in on', t => {
  const routes = (auth: string) => [{ path: '/', upstream: 'http://127.0.0.1', auth, pages: true }]
  t.match(problemsOf({ routes: routes('session') }), [
    /^\/routes\/0\/pages: needs oidc or loginPage/,
  ])
  t.match(problemsOf({ routes: routes('optional') }), [/^\/routes\/0\/pages/])
  t.same(problemsOf({ routes: routes('session'), loginPage: '/login' }), [])
  t.end()
})

const verifyProblems = (verify: object) =>
  captureProblems(
    configOf({
      routes: [
        {
          path: '/login',
          methods: ['POST'],
          upstream: 'http://127.0.0.1',
          auth: 'none',
          capture: { name: 'api', token: '/t', verify },
        },
      ],
    }),
  ).map(({ path, message }) => `${path.replace('/routes/0/capture/verify', '')}: ${message}`)

t.test('a token is verified by a key set or by a secret', t => {
  t.same(verifyProblems({ jwks: 'https://a/jwks', algorithms: ['RS256', 'EdDSA'] }), [])
  t.same(verifyProblems({ secret: random }), [])
  t.same(verifyProblems({}), [': must have either jwks or secret'])
  t.same(verifyProblems({ jwks: 'https://a/jwks', secret: random }), [
    ': must have either jwks or secret',
  ])
  t.end()
})

t.test('algorithms fit the kind of key', t => {
  t.same(verifyProblems({ jwks: 'https://a', algorithms: ['RS256', 'HS256'] }), [
    '/algorithms/1: goes only with secret',
  ])
  t.same(verifyProblems({ secret: random, algorithms: ['ES256'] }), [
    '/algorithms/0: goes only with jwks',
  ])
  t.throws(
    () => verifyProblems({ secret: random, algorithms: ['none'] }),
    'none is no algorithm at all',
  )
  t.end()
})

t.test('CF-06: a shared secret is as long as the hash', t => {
  const long = (bytes: number) => random.repeat(2).slice(0, bytes)
  t.same(verifyProblems({ secret: long(31) }), [
    '/secret: must be at least 32 bytes (RFC 7518 section 3.2)',
  ])
  t.same(verifyProblems({ secret: long(32) }), [])
  t.match(verifyProblems({ secret: long(47), algorithms: ['HS256', 'HS384'] }), [/48 bytes/])
  t.match(verifyProblems({ secret: long(63), algorithms: ['HS512'] }), [/64 bytes/])
  t.same(verifyProblems({ secret: long(64), algorithms: ['HS512'] }), [])
  t.end()
})

const refreshProblems = (refresh: object, capture: object = { refreshToken: '/r' }) =>
  captureProblems(
    configOf({
      routes: [
        {
          path: '/login',
          methods: ['POST'],
          upstream: 'http://127.0.0.1',
          auth: 'none',
          capture: {
            ...{ name: 'api', token: '/t', verify: { secret: random }, ...capture },
            refresh: { path: '/refresh', ...refresh },
          },
        },
      ],
    }),
  ).map(({ path, message }) => `${path.replace('/routes/0/capture', '')}: ${message}`)

t.test('captured logins are refreshed where there is something to refresh with', t => {
  t.same(refreshProblems({}), [])
  t.same(refreshProblems({}, {}), [
    '/refresh: needs refreshToken: where the refresh token is in the answer',
  ])
  t.throws(() => refreshProblems({ path: undefined }), 'a path is required')
  t.throws(() => refreshProblems({ path: 'http://api/refresh' }), 'and it is no URL')
  t.end()
})

t.test('a refresh has a place for each token, and a field only where one is sent', t => {
  t.same(refreshProblems({ format: 'form', field: 'x', token: '/a', refreshToken: '/b' }), [])
  for (const same of [{ refreshToken: '/t' }, { token: '/r' }, { token: '/x', refreshToken: '/x' }])
    t.same(refreshProblems(same), ['/refresh/refreshToken: must not be where the token is'])
  t.same(refreshProblems({ format: 'bearer' }), [])
  t.same(refreshProblems({ format: 'bearer', field: 'x' }), [
    '/refresh/field: means nothing beside format: bearer',
  ])
  t.end()
})

t.test('TK-08: no status that may be an outage ends a session', t => {
  t.same(refreshProblems({ refusals: [400, 401, 403, 404, 410, 422] }), [])
  t.same(refreshProblems({ refusals: [] }), [], 'invalid_grant alone')
  const problems = refreshProblems({ refusals: [200, 302, 408, 421, 425, 429, 500, 503] })
  t.equal(problems.length, 8)
  t.match(problems[0], /^\/refresh\/refusals\/0: must be a status from 400 to 499/)
  t.throws(() => refreshProblems({ refusals: ['401'] }))
  t.end()
})

t.test('CF-05: keys over plain http from elsewhere are allowed by name only', t => {
  t.match(verifyProblems({ jwks: 'http://api.internal/jwks' }), [/^\/jwks: .*allowInsecureJwks/])
  t.same(verifyProblems({ jwks: 'http://api.internal/jwks', allowInsecureJwks: true }), [])
  t.same(verifyProblems({ jwks: 'http://127.0.0.1:1/jwks' }), [])
  t.end()
})

t.test('a flawed part is replaced by a sound one, and the rest is left as it is', t => {
  const config = {
    publicUrl: 'https://app.example.com/x',
    sesion: {},
    session: { cache: 'on', absoluteTimeout: '1x', idleTimeout: '13h' },
    upstreams: { a: {}, 'b.c': {}, d: { targets: ['http://d'] } },
    routes: [{ path: '/', upstream: 'd' }, { path: 7 }],
  }
  const flaws = [
    '/publicUrl',
    '/sesion',
    '/session/cache',
    '/session/absoluteTimeout',
    '/upstreams/a/targets',
    '/upstreams/b.c',
    '/routes/1/path',
  ]
  const draft = mend(
    config,
    flaws.map(path => ({ path, message: '' })),
  )
  t.match(draft.value, {
    publicUrl: 'http://localhost',
    sesion: undefined,
    session: { cache: undefined, absoluteTimeout: '9600h', idleTimeout: '13h' },
    upstreams: {
      a: { targets: ['http://127.0.0.1'] },
      'b.c': undefined,
      d: { targets: ['http://d'] },
    },
    routes: [{ path: '/', upstream: 'd' }, { path: '/-/1' }],
  })
  t.equal(validate(draft.value).kind, 'config')
  const doubtful = (path: string) => draft.isDoubtful({ path, message: '' })
  t.ok(doubtful('/routes/1/upstream'))
  t.ok(doubtful('/loginPage'), 'it may be on the route that was replaced')
  t.notOk(doubtful('/routes/0/upstream'))
  t.notOk(doubtful('/session/idleTimeout'))
  t.end()
})

t.test('a flawed provider does not make it seem that nobody could log in', t => {
  const draft = mend({ oidc: { issuer: 7 } }, [{ path: '/oidc/issuer', message: '' }])
  t.same(draft.value, { loginPage: '/-/login' })
  t.ok(draft.isDoubtful({ path: '/loginPage', message: '' }))
  t.end()
})

t.test('without upstreams or routes there is nothing to judge, but still a draft', t => {
  for (const config of [
    {},
    [],
    'x',
    { upstreams: 3, routes: [{ path: '/', upstream: 'a' }] },
    { routes: [] },
    { routes: 3 },
  ]) {
    const checked = validate(config)
    if (checked.kind !== 'refused') throw new Error('not refused')
    const draft = validate(mend(config, checked.problems).value)
    t.equal(draft.kind, typeof config === 'string' || Array.isArray(config) ? 'refused' : 'config')
  }
  t.end()
})
