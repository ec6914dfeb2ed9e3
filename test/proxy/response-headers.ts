import t from 'tap'
import type { RoutePlan } from '../../src/proxy/plan.ts'
import {
  createResponseHeaders,
  isForSharedCaches,
  privateCacheControl,
} from '../../src/proxy/response-headers.ts'

const options = {
  publicUrl: new URL('http://localhost:8080'),
  ownCookies: new Set(['__host-http-session']),
}
const build = createResponseHeaders(options)
const block = (...texts: string[]) => texts
const plain = {
  auth: 'none',
  publicLocation: (location: string) => location.replace('http://internal', ''),
} as RoutePlan
const session = { ...plain, auth: 'session' } as RoutePlan

t.test(
  'hop-by-hop and nominated fields of an answer do not reach the client (PX-02, CVE-2026-71849)',
  async t => {
    const raw = block(
      ...[
        'Connection',
        'x-internal, close',
        'X-Internal',
        '1',
        'Keep-Alive',
        'timeout=5',
        'Proxy-Authenticate',
        'x',
      ],
      ...[
        'Transfer-Encoding',
        'chunked',
        'Trailer',
        't',
        'Upgrade',
        'h2c',
        'X-Accel-Redirect',
        '/secret',
        'X-B',
        '2',
      ],
    )
    t.strictSame(build(raw, plain, []), ['X-B', '2'])
    t.strictSame(build(block('Connection', 'keep-alive', 'X-B', '2'), plain, []), ['X-B', '2'])
    const twice = block('Connection', 'x-a', 'X-A', '1', 'Connection', 'x-b', 'X-B', '2')
    t.strictSame(build(twice, plain, []), [], 'each of several Connection lines counts')
  },
)

t.test('an upstream neither sets nor removes our cookie, in no spelling (CK-14)', async t => {
  const mine = [
    '__Host-Http-session=x',
    '__host-http-SESSION=; Max-Age=0',
    ' __Host-Http-session=y; Path=/',
  ]
  const raw = block(
    ...mine.flatMap(value => ['Set-Cookie', value]),
    'Set-Cookie',
    'theme=dark',
    'Clear-Site-Data',
    '"cookies"',
  )
  t.strictSame(build(raw, plain, []), ['Set-Cookie', 'theme=dark'])
})

t.test(
  'an answer to a session is private whatever the upstream says; other routes keep theirs (PX-15)',
  async t => {
    t.strictSame(build(block('ETag', 'e'), session, []), [
      'ETag',
      'e',
      'cache-control',
      'private',
      'vary',
      'Cookie',
    ])
    t.strictSame(build(block('Cache-Control', 'public, max-age=60'), session, []), [
      'cache-control',
      'private, max-age=60',
      'vary',
      'Cookie',
    ])
    t.strictSame(build(block('Cache-Control', 'public, max-age=60'), plain, []), [
      'Cache-Control',
      'public, max-age=60',
    ])
    const targeted = block('CDN-Cache-Control', 'max-age=60', 'Surrogate-Control', 'max-age=60')
    t.strictSame(build(targeted, session, []).slice(0, 2), ['cache-control', 'private'], 'RFC 9213')
    t.equal(privateCacheControl('no-store'), 'no-store')
    t.equal(privateCacheControl('PUBLIC, s-maxage=5, no-cache'), 'private, no-cache')
    t.equal(privateCacheControl('private, max-age=1'), 'private, max-age=1')
    t.strictSame(
      build(block('Cache-Control', 'no-store', 'cache-control', 'public'), session, []),
      ['cache-control', 'no-store', 'vary', 'Cookie'],
    )
  },
)

t.test(
  "what would act on the gateway's origin stays with the upstream on session routes (HD-08, CS-10)",
  async t => {
    const raw = block(
      ...[
        'Access-Control-Allow-Origin',
        '*',
        'Service-Worker-Allowed',
        '/',
        'WWW-Authenticate',
        'Basic realm=x',
      ],
      ...[
        'WWW-Authenticate',
        'Bearer error="invalid_token"',
        'Strict-Transport-Security',
        'max-age=0',
      ],
    )
    t.strictSame(build(raw, session, []), [
      'WWW-Authenticate',
      'Bearer error="invalid_token"',
      'cache-control',
      'private',
      'vary',
      'Cookie',
    ])
    t.strictSame(build(raw, plain, []), raw.slice(0, 8))
  },
)

t.test('Location is mapped back, our own headers are appended, and https gets HSTS', async t => {
  t.strictSame(build(block('Location', 'http://internal/x'), plain, ['vary', 'Origin']), [
    'Location',
    '/x',
    'vary',
    'Origin',
  ])
  const secure = createResponseHeaders({ ...options, publicUrl: new URL('https://a.example') })
  t.strictSame(secure([], plain, []), ['strict-transport-security', 'max-age=31536000'])
})

t.test(
  'a route that allows it keeps public what the upstream says is public, and nothing else (PX-15)',
  async t => {
    const shared = { ...session, allowSharedCache: true } as RoutePlan
    const cacheOf = (...texts: string[]) =>
      build(block(...texts), shared, []).filter((_, at, all) =>
        /^(?:cache-control|vary)$/i.test(all[at - (at % 2)] ?? ''),
      )
    const kept = (value: string) => cacheOf('Cache-Control', value)
    for (const value of ['public, max-age=60', 's-maxage=5', 'PUBLIC', 'public, no-cache']) {
      t.strictSame(kept(value), ['cache-control', value], value)
    }
    t.strictSame(kept('max-age=60'), ['cache-control', 'private, max-age=60', 'vary', 'Cookie'])
    t.strictSame(kept('public, no-store'), ['cache-control', 'no-store', 'vary', 'Cookie'])
    t.strictSame(kept('public, private'), ['cache-control', 'private', 'vary', 'Cookie'])
    t.strictSame(
      kept('public, private="x-user"'),
      ['cache-control', 'private, private="x-user"', 'vary', 'Cookie'],
      'a part for one person makes the whole private',
    )
    t.strictSame(cacheOf('ETag', 'e'), ['cache-control', 'private', 'vary', 'Cookie'])
    t.strictSame(
      cacheOf('Cache-Control', 'public', 'Set-Cookie', 'theme=dark'),
      ['cache-control', 'private', 'vary', 'Cookie'],
      'what sets a cookie is for one browser',
    )
    t.strictSame(
      cacheOf('Cache-Control', 'public', 'cache-control', 'no-store'),
      ['cache-control', 'no-store', 'vary', 'Cookie'],
      'all lines count',
    )
    t.strictSame(
      cacheOf('Vary', 'Accept, Authorization', 'Cache-Control', 'public'),
      ['Vary', 'Accept, Authorization', 'cache-control', 'public', 'vary', 'Cookie'],
      'who looks at the bearer looks at the cookie',
    )
    t.strictSame(cacheOf('Vary', 'Accept', 'Cache-Control', 'public'), [
      ...['Vary', 'Accept', 'cache-control', 'public'],
    ])
    const targeted = build(block('CDN-Cache-Control', 'max-age=60'), shared, [])
    t.strictSame(targeted, ['cache-control', 'private', 'vary', 'Cookie'])
    t.equal(isForSharedCaches('x-public, max-age=1'), false)
    t.equal(isForSharedCaches(''), false)
  },
)
