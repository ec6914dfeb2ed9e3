import t from 'tap'
import { compile, type RoutePlan } from '../../src/proxy/plan.ts'
import { configOf } from '../fixtures/config.ts'

const upstream = 'http://api.internal:3000'
const planned = (route: object): RoutePlan => {
  const [plan] = compile(configOf([{ path: '/api', upstream, ...route }])).plan.routes
  if (plan === undefined) throw new Error('no route')
  return plan
}

t.test('a route that says nothing is closed', t => {
  t.match(planned({}), {
    index: 0,
    label: '/api',
    path: '/api',
    exact: false,
    methods: new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']),
    allow: 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
    upstream: { name: upstream, targets: [{ origin: upstream }] },
    rewrite: undefined,
    auth: 'session',
    pages: false,
    require: undefined,
    token: 'access_token',
    claimHeaders: [],
    cookies: new Set(),
    corsOrigins: new Set(),
    guarded: true,
    crossSite: { publicOrigin: 'https://app.example.com', pages: false, capture: false },
    slide: true,
    websocket: false,
    maxBody: 0,
    allowClientAuthorization: false,
    allowEncodedSlash: false,
    allowEmptySegments: false,
    allowPathParameters: false,
    allowSharedCache: false,
    capture: undefined,
  })
  t.end()
})

t.test('what a route says is worked out', t => {
  const route = planned({
    methods: ['POST', 'GET', 'POST'],
    rewrite: '/v2',
    pages: true,
    require: { scopes: ['a'], claims: { '/org/role': ['boss'] } },
    claimHeaders: { 'X-User': 'sub', 'X-Role': '/org/role' },
    cookies: ['theme'],
    cors: { origins: ['https://admin.example.net'] },
    maxBody: '64kb',
  })
  t.equal(route.allow, 'GET, POST')
  t.equal(route.upstreamPath('/api/7'), '/v2/7')
  t.equal(route.publicLocation('http://api.internal:3000/v2/7'), '/api/7')
  t.match(route.crossSite, { pages: true, corsOrigins: new Set(['https://admin.example.net']) })
  t.same(route.corsOrigins, new Set(['https://admin.example.net']))
  t.same(route.cookies, new Set(['theme']))
  t.equal(route.maxBody, 65_536)

  const claims = { sub: 'alice', org: { role: 'boss' } }
  t.same(route.require?.scopes, ['a'])
  t.same(
    route.require?.claims.map(rule => rule.holds(claims)),
    [true],
  )
  t.same(
    route.claimHeaders.map(({ header, read }) => [header, read(claims)]),
    [
      ['X-User', 'alice'],
      ['X-Role', 'boss'],
    ],
  )
  t.end()
})

t.test('"*" among the cookies stands for all', t => {
  t.equal(planned({ cookies: ['theme', '*'] }).cookies, '*')
  t.end()
})

t.test('the cross-site check is for routes that use or make a session', t => {
  const capture = { name: 'api', token: '/t', verify: { jwks: 'https://api.internal/jwks.json' } }
  t.equal(planned({ auth: 'optional' }).guarded, true)
  t.equal(planned({ auth: 'none' }).guarded, false)
  t.match(planned({ auth: 'none', methods: ['POST'], capture }), {
    guarded: true,
    exact: true,
    capture: { name: 'api' },
    crossSite: { capture: true },
  })
  t.end()
})

t.test('routes of one path are told apart by their methods', t => {
  const config = configOf([
    { path: '/api', upstream, methods: ['PUT', 'GET'] },
    { path: '/api', upstream, methods: ['POST'] },
  ])
  t.same(
    compile(config).plan.routes.map(route => route.label),
    ['GET|PUT /api', 'POST /api'],
  )
  t.end()
})
