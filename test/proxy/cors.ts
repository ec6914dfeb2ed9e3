import t from 'tap'
import { corsHeaders, isCorsHeader, isPreflight, preflightHeaders } from '../../src/proxy/cors.ts'

const admin = 'https://admin.example.com'
const route = { corsOrigins: new Set([admin]), allow: 'GET, POST' }
const closed = { corsOrigins: new Set<string>(), allow: 'GET' }
const strangers = [
  'null',
  '*',
  'https://evil.example',
  'https://sub.admin.example.com',
  'https://admin.example.com.evil.example',
  'https://admin.example.com:8443',
  'http://admin.example.com',
  'https://ADMIN.example.com',
  'https://admin.example.com/',
  `${admin}, ${admin}`,
]

t.test('CS-10: a preflight is OPTIONS with an origin and a method, nothing less', t => {
  const headers = { origin: admin, 'access-control-request-method': 'POST' }
  t.ok(isPreflight('OPTIONS', headers))
  t.notOk(isPreflight('GET', headers))
  t.notOk(isPreflight('OPTIONS', { origin: admin }))
  t.notOk(isPreflight('OPTIONS', { 'access-control-request-method': 'POST' }))
  t.end()
})

t.test('CS-09: answers name a listed origin, exactly, and never all', t => {
  t.same(corsHeaders(route, admin), {
    listed: true,
    headers: [
      ...['access-control-allow-origin', admin],
      ...['access-control-allow-credentials', 'true'],
      ...['vary', 'Origin'],
    ],
  })
  for (const origin of [undefined, ...strangers]) {
    t.same(corsHeaders(route, origin), { listed: false, headers: ['vary', 'Origin'] }, `${origin}`)
  }
  t.end()
})

t.test('a route without cors says nothing of origins', t => {
  for (const origin of [undefined, 'null', admin]) {
    t.same(corsHeaders(closed, origin), { listed: false, headers: [] })
  }
  t.same(preflightHeaders(closed, { origin: admin }), [])
  t.end()
})

t.test('a preflight of a listed origin learns methods, headers and how long that holds', t => {
  const asked = 'X-Trace, content-type'
  t.same(preflightHeaders(route, { origin: admin, 'access-control-request-headers': asked }), [
    ...corsHeaders(route, admin).headers,
    ...['access-control-allow-methods', 'GET, POST'],
    ...['access-control-allow-headers', 'x-trace, content-type'],
    ...['access-control-max-age', '600'],
  ])
  t.end()
})

t.test('what is echoed is nothing but header names', t => {
  const echoed = (asked?: string): string | undefined => {
    const request = asked === undefined ? {} : { 'access-control-request-headers': asked }
    const headers = preflightHeaders(route, { origin: admin, ...request })
    const at = headers.indexOf('access-control-allow-headers')
    return at < 0 ? undefined : headers[at + 1]
  }
  t.equal(echoed('x-a,,x b, x-c;q=1, "x-d", x-\u00e9, x-e'), 'x-a, x-e')
  t.equal(echoed(' , '), undefined)
  t.equal(echoed(), undefined)
  t.end()
})

t.test('a preflight of any other origin learns nothing', t => {
  for (const origin of strangers) {
    t.same(preflightHeaders(route, { origin, 'access-control-request-method': 'POST' }), [
      'vary',
      'Origin',
    ])
  }
  t.end()
})

t.test('CS-10: every Access-Control header of an upstream is the gateway’s to drop', t => {
  for (const name of ['origin', 'credentials', 'methods', 'headers', 'private-network']) {
    t.ok(isCorsHeader(`access-control-allow-${name}`))
  }
  t.ok(isCorsHeader('access-control-expose-headers'))
  t.ok(isCorsHeader('access-control-max-age'))
  t.notOk(isCorsHeader('access-controlled'))
  t.notOk(isCorsHeader('vary'))
  t.end()
})
