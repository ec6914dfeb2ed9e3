import t from 'tap'
import { routeProblems } from '../../src/proxy/route-problems.ts'
import { configOf } from '../fixtures/config.ts'

const upstream = 'http://api.internal:3000'
const capture = { name: 'api', token: '/t', verify: { jwks: 'https://api.internal/jwks.json' } }
const found = (route: object, more?: object) => {
  const config = configOf([{ path: '/api', upstream, ...route }], more)
  return config.routes.flatMap(entry =>
    routeProblems(config, entry, 3).map(({ path, message }) => `${path} ${message}`),
  )
}

t.test('sound routes have no problems', t => {
  t.same(found({}), [])
  t.same(found({ path: '/' }), [])
  t.same(found({ path: '/caf%C3%A9/a%20b', rewrite: '/' }), [])
  t.same(
    found({
      auth: 'none',
      cors: { origins: ['https://b.example'] },
      allowClientAuthorization: true,
    }),
    [],
  )
  t.same(found({ auth: 'optional', pages: true, claimHeaders: { 'X-User': 'sub' } }), [])
  t.same(
    found({ pages: true, require: { scopes: ['a'], claims: { role: ['b'], '/c/d': ['e'] } } }),
    [],
  )
  t.same(found({ auth: 'none', methods: ['POST', 'PUT'], capture }), [])
  t.same(found({ websocket: true, methods: ['GET'], cookies: ['theme', '*', 'session'] }), [])
  t.end()
})

t.test('a path that no request can have is a problem', t => {
  t.match(found({ path: '/%C0%AE' }), [
    /^\/routes\/3\/path can never be asked for: an escape is not UTF-8/,
  ])
  t.match(found({ path: '/a%0A' }), [/^\/routes\/3\/path can never be asked for: a control/])
  t.end()
})

t.test('a path that some upstreams read as another is a problem', t => {
  for (const path of ['/a%23b', '/a%25b', '/a%3Bb', '/a%3Fb', '/a%2561']) {
    t.match(found({ path }), [/^\/routes\/3\/path must not hold escapes/], path)
  }
  t.end()
})

t.test('an upstream has to exist and must not be the gateway', t => {
  t.match(found({ upstream: 'orders' }), [/^\/routes\/3\/upstream must be a URL, or the name/])
  t.match(found({ upstream: 'constructor' }), [/^\/routes\/3\/upstream must be/])
  t.same(found({ upstream: 'orders' }, { upstreams: { orders: { targets: ['http://a'] } } }), [])
  t.match(found({ upstream: 'https://app.example.com' }), [/^\/routes\/3\/upstream is publicUrl/])
  t.end()
})

t.test('empty segments cannot become the host of a target', t => {
  t.match(found({ rewrite: '/', allowEmptySegments: true }), [
    /^\/routes\/3\/allowEmptySegments cannot go with rewrite/,
  ])
  t.same(found({ rewrite: '/v2', allowEmptySegments: true }), [])
  t.end()
})

t.test('a capture is for unsafe methods, without a session, and no WebSocket', t => {
  t.match(found({ auth: 'none', capture }), [/^\/routes\/3\/methods must be unsafe methods only/])
  t.match(found({ auth: 'none', methods: ['POST', 'OPTIONS'], capture }), [/^\/routes\/3\/methods/])
  t.match(found({ methods: ['POST'], capture }), [/^\/routes\/3\/auth must be none/])
  t.match(found({ auth: 'none', methods: ['POST'], websocket: true, capture }), [
    /^\/routes\/3\/websocket cannot go with capture/,
    /^\/routes\/3\/websocket needs the method GET/,
  ])
  t.end()
})

t.test('what needs a session is a problem without one', t => {
  const require = { scopes: ['a'] }
  t.match(found({ auth: 'none', require }), [/^\/routes\/3\/require needs auth: session/])
  t.match(found({ auth: 'optional', require }), [/^\/routes\/3\/require needs auth: session/])
  t.match(found({ auth: 'none', pages: true }), [/^\/routes\/3\/pages needs/])
  t.match(found({ auth: 'none', claimHeaders: { 'X-User': 'sub' } }), [
    /^\/routes\/3\/claimHeaders needs/,
  ])
  t.end()
})

t.test('a WebSocket needs GET', t => {
  t.match(found({ websocket: true, methods: ['POST'] }), [
    /^\/routes\/3\/websocket needs the method GET/,
  ])
  t.end()
})

t.test('HD-03: claims cannot be sent as headers that the gateway rules over', t => {
  for (const header of [
    ...[
      'Authorization',
      'Cookie',
      'Host',
      'Connection',
      'Keep-Alive',
      'Transfer-Encoding',
      'Content-Length',
    ],
    ...[
      'X-Forwarded-For',
      'X-Forwarded-User',
      'Forwarded',
      'X-Real-IP',
      'Via',
      'X-Request-Id',
      'X-Original-URL',
    ],
    ...['X-HTTP-Method-Override', 'Remote-User', 'TE', 'Upgrade'],
  ]) {
    t.match(
      found({ claimHeaders: { [header]: 'sub' } }),
      [/is a header that the gateway itself/],
      header,
    )
  }
  t.match(found({ claimHeaders: { 'X-User': 'sub', 'x-user': 'name' } }), [
    /^\/routes\/3\/claimHeaders\/x-user is there twice/,
  ])
  t.end()
})

t.test('CK-14: the gateway’s own cookies cannot be listed', t => {
  for (const name of ['__Host-Http-session', '__host-http-SESSION', '__Host-Http-login']) {
    t.match(
      found({ cookies: ['theme', name] }),
      [/^\/routes\/3\/cookies\/1 is a cookie of the gateway/],
      name,
    )
  }
  const session = { cookie: { name: 'sid' } }
  t.match(found({ cookies: ['SID'] }, { session }), [/^\/routes\/3\/cookies\/0/])
  t.end()
})

t.test('what depends on who asks is for no shared cache (PX-15)', t => {
  const allowSharedCache = true
  t.same(found({ allowSharedCache }), [])
  t.same(found({ allowSharedCache, auth: 'optional', token: 'none' }), [])
  t.match(found({ allowSharedCache, auth: 'none' }), [
    /^\/routes\/3\/allowSharedCache means nothing with auth: none/,
  ])
  t.match(found({ allowSharedCache, claimHeaders: { 'X-User': 'sub' } }), [
    /^\/routes\/3\/allowSharedCache cannot go with claimHeaders/,
  ])
  t.match(found({ allowSharedCache, require: { scopes: ['a'] } }), [
    /^\/routes\/3\/allowSharedCache cannot go with require/,
  ])
  t.end()
})
