import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createMatch, loosePath } from '../../src/proxy/match.ts'
import { compile } from '../../src/proxy/plan.ts'
import { readTarget } from '../../src/proxy/target.ts'
import { configOf } from '../fixtures/config.ts'

const origin = 'https://app.example.com'
const upstream = 'http://api.internal:3000'
const api = { path: '/api', upstream }
const rest = { path: '/', upstream, auth: 'none' }
const capture = { name: 'api', token: '/t', verify: { jwks: 'https://api.internal/jwks.json' } }

/** What these routes do with a request: the path of the route, or why there is none. */
const matcher = (routes: readonly object[]) => {
  const { match } = compile(configOf(routes)).plan
  return (raw: string, method = 'GET'): string => {
    const target = readTarget(raw, origin)
    const matched = target.kind === 'refused' ? target : match(target, method)
    if (matched.kind === 'route') return matched.route.label
    return matched.code === 'method_not_allowed' ? `allow ${matched.allow}` : matched.code
  }
}

const check = (t: Test, ask: (raw: string) => string, cases: Readonly<Record<string, string>>) => {
  for (const [raw, wanted] of Object.entries(cases)) t.equal(ask(raw), wanted, raw)
  t.end()
}

t.test('whole segments, the longest path wins (PA-07)', t =>
  check(t, matcher([rest, api, { ...api, path: '/api/orders' }, { ...api, path: '/a/b/c' }]), {
    '/': '/',
    '/x': '/',
    '/apix': '/',
    '/ap': '/',
    '/api': '/api',
    '/api/': '/api',
    '/api?x=/api/orders': '/api',
    '/api/x/y/z': '/api',
    '/api/orders': '/api/orders',
    '/api/orders/': '/api/orders',
    '/api/orders/7': '/api/orders',
    '/api/ordersx': '/api',
    '/api/x/orders': '/api',
    '/a/b': '/',
    '/a/b/c/d/e': '/a/b/c',
    '/%61pi/%6frders': '/api/orders',
  }),
)

t.test('the order in the config does not matter', t => {
  const routes = [rest, api, { ...api, path: '/api/orders' }]
  for (const given of [routes, routes.toReversed()]) {
    t.equal(matcher(given)('/api/orders/7'), '/api/orders')
    t.equal(matcher(given)('/api/7'), '/api')
  }
  t.end()
})

t.test('PA-09: a path without a route is not found', t =>
  check(t, matcher([api]), {
    '/': 'not_found',
    '/x/api': 'not_found',
    '/apix': 'not_found',
    [`/${'x'.repeat(5000)}`]: 'not_found',
    [`/api/${'x'.repeat(5000)}`]: '/api',
    [`/api${'/x'.repeat(5000)}`]: '/api',
  }),
)

t.test(
  'PX-16: another method is refused with what is allowed, and never falls through to a shorter path',
  t => {
    const ask = matcher([rest, { ...api, methods: ['POST', 'GET'] }])
    t.equal(ask('/api', 'DELETE'), 'allow GET, POST')
    t.equal(ask('/api/7', 'HEAD'), 'allow GET, POST')
    t.equal(ask('/api/7', 'get'), 'allow GET, POST')
    t.equal(ask('/x', 'TRACE'), 'allow DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT')
    t.equal(ask('/x', 'constructor'), 'allow DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT')
    t.end()
  },
)

t.test('routes of one path share it by method', t => {
  const ask = matcher([
    rest,
    { ...api, methods: ['GET'] },
    { ...api, methods: ['POST'], slide: false },
  ])
  t.equal(ask('/api/7', 'GET'), 'GET /api')
  t.equal(ask('/api/7', 'POST'), 'POST /api')
  t.equal(ask('/api/7', 'PUT'), 'allow GET, POST')
  t.end()
})

t.test('a capture has its exact path and nothing below it', t => {
  const login = { path: '/api/login', upstream, methods: ['POST'], auth: 'none', capture }
  const ask = matcher([rest, api, login])
  t.equal(ask('/api/login', 'POST'), '/api/login')
  t.equal(ask('/api/login?x', 'POST'), '/api/login')
  t.equal(ask('/api/login', 'GET'), 'allow POST')
  for (const raw of ['/api/login/', '/api/login/x', '/api/login/x?y']) {
    for (const method of ['GET', 'POST']) t.equal(ask(raw, method), 'not_found', raw)
  }
  t.equal(ask('/api/loginx', 'POST'), '/api')

  const beside = matcher([login, { ...api, path: '/api/login', methods: ['GET'] }])
  t.equal(beside('/api/login', 'POST'), 'POST /api/login')
  t.equal(beside('/api/login', 'GET'), 'GET /api/login')
  t.equal(beside('/api/login/x', 'GET'), 'GET /api/login')
  t.equal(beside('/api/login/x', 'POST'), 'allow GET')
  t.end()
})

t.test('a capture at the root has the root alone', t => {
  const ask = matcher([{ path: '/', upstream, methods: ['POST'], auth: 'none', capture }])
  t.equal(ask('/', 'POST'), '/')
  t.equal(ask('/x', 'POST'), 'not_found')
  t.end()
})

t.test('flagged targets are malformed unless their route allows them', t => {
  const flagged = {
    '/f/a%2Fb': 'allowEncodedSlash',
    '/f//a': 'allowEmptySegments',
    '/f/a;b': 'allowPathParameters',
  }
  for (const [raw, flag] of Object.entries(flagged)) {
    for (const allowed of Object.values(flagged)) {
      const ask = matcher([rest, { path: '/f', upstream, [allowed]: true, methods: ['GET'] }])
      t.equal(ask(raw), flag === allowed ? '/f' : 'malformed_request', `${raw} with ${allowed}`)
      t.equal(ask(raw.replace('f', 'g')), 'malformed_request', 'not on another route')
      t.equal(ask(raw, 'POST'), 'malformed_request')
    }
    t.equal(matcher([api])(raw), 'malformed_request', 'without a route')
  }
  t.end()
})

t.test('what a lenient upstream could take for another route is not found', t => {
  const open = {
    ...rest,
    allowEncodedSlash: true,
    allowEmptySegments: true,
    allowPathParameters: true,
  }
  const login = { path: '/api/login', upstream, methods: ['GET'], auth: 'none', capture }
  check(t, matcher([open, api, { ...open, path: '/api/open' }, login]), {
    '/API': 'not_found',
    '/Api/x': 'not_found',
    '/api/Open/x': 'not_found',
    '/api/LOGIN': 'not_found',
    '/api./x': 'not_found',
    '/api%20/x': 'not_found',
    '/api%3fx': 'not_found',
    '/%2561pi/x': 'not_found',
    '/%EF%BD%81pi/x': 'not_found',
    '//api/x': 'not_found',
    '/api;x': 'not_found',
    '/api;x=1/open': 'not_found',
    '/x%2f..': 'malformed_request',
    '/%2fapi/x': 'not_found',
    '/api%2fopen': 'not_found',
    '/api/open%2Fx': 'malformed_request',
    '/apix;y': '/',
    '/x/API': '/',
    '/X%2Fapi//y;z': '/',
    '/api/X': '/api',
    '/api/open/X%2f;y//': '/api/open',
  })
})

t.test('a route whose own path has capitals or escapes is found by exactly that', t =>
  check(t, matcher([rest, { ...api, path: '/API' }, { ...api, path: '/caf%C3%A9' }]), {
    '/API/x': '/API',
    '/api/x': 'not_found',
    '/Api': 'not_found',
    '/caf%C3%A9/x': '/caf%C3%A9',
    '/caf%c3%a9': 'not_found',
    '/cafe': 'not_found',
    '/x': '/',
  }),
)

t.test('PA-10: nothing under the auth path is proxied, in whatever spelling', t =>
  check(t, matcher([{ ...rest, allowEmptySegments: true, allowPathParameters: true }]), {
    '/auth': 'not_found',
    '/auth/logout': 'not_found',
    '/%61uth/logout': 'not_found',
    '/AUTH/logout': 'not_found',
    '/auth./x': 'not_found',
    '/auth;x/logout': 'not_found',
    '//auth/logout': 'not_found',
    '/authx': '/',
    '/x/auth': '/',
  }),
)

t.test('PA-10: a route at the auth path would get nothing', t =>
  check(t, matcher([{ ...api, path: '/auth' }]), { '/auth': 'not_found', '/auth/x': 'not_found' }),
)

t.test('loosePath is the form of a route’s own path', t => {
  t.equal(loosePath('/API/Orders'), '/api/orders')
  t.equal(loosePath('/caf%C3%A9'), '/cafe')
  t.equal(loosePath('/'), '/')
  t.equal(loosePath('/%C0%AE'), '/%C0%AE', 'what nobody can ask for stays as it is')
  t.end()
})

t.test('without routes there is nothing', t => {
  const target = readTarget('/x', origin)
  if (target.kind === 'target')
    t.same(createMatch([], '/auth')(target, 'GET'), { kind: 'refused', code: 'not_found' })
  t.end()
})

/** Upstreams that read paths as some really do. */
const readers: ((path: string) => string)[] = [
  path => path,
  path => decode(path),
  path => decode(decode(path)),
  path => decode(path).replace(/;[^/]*/g, ''),
  path => decode(decode(path).replace(/;[^/]*/g, '')).toLowerCase(),
  path => decode(path.replace(/;[^/]*/g, '')),
  path => decode(decode(path.replace(/;[^/]*/g, ''))),
  path => decode(path).replace(/;.*/, ''),
  path => path.replace(/\/{2,}/g, '/'),
  path =>
    decode(path)
      .replace(/\/{2,}/g, '/')
      .toUpperCase()
      .toLowerCase(),
  path => decode(path).replace(/[ .]+(?=\/|$)/g, ''),
  path => decode(path).replace(/[?#].*/, ''),
  path =>
    decode(decode(path).replace(/;[^/]*/g, ''))
      .replace(/[?#].*/, '')
      .replace(/\/{2,}/g, '/'),
]
const decode = (path: string): string =>
  path.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)))

const piece = fc.constantFrom(
  ...[
    'secret',
    'SECRET',
    'secre',
    't',
    '%74',
    '%2574',
    'pub',
    'open',
    '/',
    '//',
    '%2f',
    '%252F',
    ';',
    '%3b',
    'x',
  ],
  ...['.', '..', '%2e', '%20', '%3f', '%23', 'Pub', '%EF%BD%93ecret', '%c5%bf'],
)
const anyPath = fc.array(piece, { minLength: 1, maxLength: 9 }).map(pieces => `/${pieces.join('')}`)

t.test(
  'PA-01: no upstream reads a protected path where the guard saw another (three and more decoders)',
  async t => {
    const relaxed = { allowEncodedSlash: true, allowEmptySegments: true, allowPathParameters: true }
    const { match } = compile(
      configOf([
        { ...rest, ...relaxed },
        { path: '/secret', upstream },
        { path: '/pub/secret', upstream },
        { path: '/pub/open', upstream, auth: 'none', ...relaxed },
      ]),
    ).plan
    const isSecret = (path: string) => /^\/(?:pub\/)?secret(?:\/|$)/.test(path)
    let forwarded = 0
    fc.assert(
      fc.property(anyPath, raw => {
        const target = readTarget(raw, origin)
        const matched = target.kind === 'refused' ? target : match(target, 'GET')
        if (target.kind === 'refused' || matched.kind === 'refused') return
        forwarded++
        if (matched.route.auth === 'session') return
        for (const [index, reader] of readers.entries()) {
          const seen = reader(target.path)
          if (isSecret(seen)) throw new Error(`${raw} is ${seen} to reader ${index}`)
        }
      }),
      { numRuns: 40_000 },
    )
    t.ok(forwarded > 1000, `${forwarded} of 40000 forwarded`)
  },
)
