import { join } from 'node:path'
import t from 'tap'
import { explain } from '../../src/cli/explain.ts'

const yaml = `publicUrl: https://app.example.com
redis: { url: redis://redis }
oidc: { issuer: https://login.example.com, clientId: a, clientSecret: b }
upstreams:
  orders: { targets: ["http://10.0.0.5:3000", "unix:/run/orders.sock"] }
routes:
  - path: /api
    upstream: http://127.0.0.1:3000
  - path: /api/orders
    methods: [POST]
    upstream: orders
    rewrite: /v2/orders
    require:
      scopes: [orders:write]
      claims: { role: [admin, clerk] }
      acr: [phr]
      maxAge: 15m
    claimHeaders: { X-User: sub }
    cookies: [theme]
    cors: { origins: ["https://other.example.com"] }
    slide: false
    websocket: false
    maxBody: 1kb
    allowClientAuthorization: true
  - path: /api/login
    methods: [POST]
    upstream: http://127.0.0.1:3000
    auth: none
    capture: { name: api, token: /token, verify: { secret: a-secret-of-more-than-32-bytes-length } }
  - path: /page
    upstream: http://127.0.0.1:3001
    pages: true
    token: none
    websocket: true
    cookies: ["*"]
  - path: /maybe
    upstream: http://127.0.0.1:3001
    auth: optional
`

t.test('explain tells of any request what the gateway would do with it, and why', t => {
  const file = join(t.testdir({ 'claimcheck.yaml': yaml }), 'claimcheck.yaml')
  const ask = (method: string, target: string): string[] => {
    const lines: string[] = []
    explain(file, {}, { method, target }, { out: line => lines.push(line), err: () => undefined })
    return lines
  }
  t.same(ask('POST', '/api/orders/7?x=%41'), [
    'route        /api/orders (/routes/1): /api/orders/7 lies below its path, which is longer than /api',
    'cross-site   only this site, else 403; https://other.example.com may call it',
    'auth         session: 401 without one',
    'require      the scopes orders:write; role is admin or clerk; a login of the class phr; a login at most 900 s ago',
    "token        sent as Authorization: Bearer <access_token>; without our cookie, the client's own Authorization passes",
    'claimHeaders X-User carries the claim sub',
    'cookies      theme reach the upstream',
    'slide        does not keep the session alive',
    'maxBody      at most 1024 bytes, else 413',
    'upstream     orders, /api/orders becomes /v2/orders',
    'sent to      POST http://10.0.0.5:3000/v2/orders/7?x=%41',
    'sent to      POST unix:/run/orders.sock /v2/orders/7?x=%41',
  ])
  t.same(ask('POST', '/api/login'), [
    'route        /api/login (/routes/2): /api/login is exactly its path, which is longer than /api',
    'cross-site   only this site, else 403; what is no browser may call it',
    'auth         none: the session is not even looked at',
    'cookies      none reach the upstream',
    'capture      a 2xx answer makes a session of the provider api; the token at /token is cut out',
    'upstream     http://127.0.0.1:3000',
    'sent to      POST http://127.0.0.1:3000/api/login',
  ])
  t.same(ask('GET', '/page/%7Eme'), [
    'route        /page (/routes/3): /page/~me lies below its path',
    'cross-site   only this site, else 403; other sites may link to it',
    'auth         session: without one, navigations are sent to the provider and everything else gets 401',
    'token        no token is sent',
    'cookies      all but our own reach the upstream',
    'websocket    may become a WebSocket',
    'upstream     http://127.0.0.1:3001',
    'sent to      GET http://127.0.0.1:3001/page/~me',
  ])
  t.match(ask('GET', '/maybe')[2], 'auth         optional: forwarded with or without a session')

  const refusals: readonly (readonly [string, string, string])[] = [
    [
      'GET',
      '/api/orders',
      '405 method_not_allowed: the routes of /api/orders take POST; there is no way back to a shorter path',
    ],
    [
      'GET',
      '/api/login/x',
      '404 not_found: only /api/login itself is a route, nothing below it; there is no way back to a shorter path',
    ],
    ['GET', '/else', '404 not_found: no route has a path that /else is or lies below'],
    ['GET', '/', '404 not_found: no route has a path that / is or lies below'],
    [
      'POST',
      '/api/ORDERS/7',
      '404 not_found: a lenient upstream could take it for /api/orders/7, which belongs to /api/orders',
    ],
    [
      'POST',
      '/PAGE',
      '404 not_found: a lenient upstream could take it for /page, which belongs to /page',
    ],
    ['GET', '/api/a%2fb', '400 malformed_request: it has an encoded slash (allowEncodedSlash)'],
    [
      'GET',
      '/page//b;c',
      '400 malformed_request: it has an empty segment (allowEmptySegments) and a path parameter (allowPathParameters)',
    ],
    ['GET', '/auth/session', 'GET /auth/session is an endpoint of the gateway itself'],
    ['GET', '/auth/callback', 'GET /auth/callback is an endpoint of the gateway itself'],
    [
      'PUT',
      '/auth/session',
      "405 method_not_allowed: everything under /auth is the gateway's own, and this endpoint takes GET",
    ],
    [
      'GET',
      '/Auth/session',
      "404 not_found: everything under /auth is the gateway's own, in any spelling, and there is no such endpoint",
    ],
  ]
  for (const [method, target, line] of refusals) t.same(ask(method, target), [line], target)
  t.match(ask('GET', '/api/../x'), [/^400 malformed_request: /])
  t.match(ask('GET', 'https://elsewhere.example.com/'), [/^421 misdirected: /])
  t.end()
})
