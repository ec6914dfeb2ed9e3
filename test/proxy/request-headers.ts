import type { IncomingMessage } from 'node:http'
import t from 'tap'
import type { RoutePlan } from '../../src/proxy/plan.ts'
import { createRequestHeaders } from '../../src/proxy/request-headers.ts'

const build = createRequestHeaders({
  publicUrl: new URL('https://app.example.com'),
  pseudonym: 'claimcheck-1',
  claimHeaders: new Set(['x-user']),
  ownCookies: new Set(['__host-http-session']),
})

const request = (...rawHeaders: string[]): IncomingMessage => {
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers[(rawHeaders[i] ?? '').toLowerCase()] ??= rawHeaders[i + 1] ?? ''
  }
  return { rawHeaders, headers } as unknown as IncomingMessage
}
const route = { cookies: new Set(['theme']), capture: undefined } as unknown as RoutePlan
const identity = {
  id: 'r-1',
  forwarding: {
    client: '192.0.2.1',
    forwardedFor: '192.0.2.1',
    forwarded: 'for=192.0.2.1',
    trusted: false,
  },
  bearer: 'Bearer the-token',
  clientAuthorization: false,
  claims: ['X-User', 'alice'],
}

/** As [lower-case name, value] pairs. */
const pairs = (built: string[] | string): [string, string][] => {
  if (typeof built === 'string') throw new Error(built)
  return built.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), built[i + 1] ?? '']] : []))
}
const ours: [string, string][] = [
  ['x-forwarded-for', '192.0.2.1'],
  ['x-forwarded-host', 'app.example.com'],
  ['x-forwarded-proto', 'https'],
  ['forwarded', 'for=192.0.2.1'],
  ['via', '1.1 claimcheck-1'],
  ['x-request-id', 'r-1'],
  ['x-user', 'alice'],
  ['authorization', 'Bearer the-token'],
]
const sent = (...raw: string[]) => pairs(build(request(...raw), route, 'api:3000', identity))

t.test('end-to-end fields pass in order and spelling, and ours follow', async t => {
  const built = build(
    request('Host', 'evil', 'Accept', 'a', 'X-B', '1', 'x-b', '2'),
    route,
    'api:3000',
    identity,
  )
  t.strictSame(built.slice(0, 8), ['host', 'api:3000', 'Accept', 'a', 'X-B', '1', 'x-b', '2'])
  t.strictSame(pairs(built).slice(4), ours)
})

t.test(
  'hop-by-hop fields go, nominated ones too, and none of ours can be nominated away (PX-01, CVE-2026-33805, CVE-2024-45410)',
  async t => {
    const built = sent(
      ...[
        'Host',
        'h',
        'Connection',
        'close, authorization, forwarded, x-request-id, x-mine, via',
        'X-Mine',
        '1',
      ],
      ...[
        'Keep-Alive',
        '5',
        'TE',
        'gzip',
        'Trailer',
        'x',
        'Proxy-Authorization',
        'y',
        'HTTP2-Settings',
        'z',
      ],
      ...['Transfer-Encoding', 'chunked', 'Upgrade', 'h2c', 'Proxy-Connection', 'keep-alive'],
    )
    t.strictSame(built, [['host', 'api:3000'], ...ours])
  },
)

t.test(
  'exactly one Authorization arrives, ours, in whatever way a client sends its own (HD-01, CVE-2022-29226)',
  async t => {
    for (const name of [
      'Authorization',
      'authorization',
      'AUTHORIZATION',
      'Authori_zation',
      'authorization_',
    ]) {
      const values = sent('Host', 'h', name, 'Bearer forged', name, 'Bearer twice').filter(
        ([n]) => n === 'authorization',
      )
      t.strictSame(values, [['authorization', 'Bearer the-token']], name)
    }
    const anonymous = { ...identity, bearer: undefined }
    t.notOk(
      pairs(build(request('Host', 'h', 'Authorization', 'x'), route, 'a', anonymous)).some(
        ([n]) => n === 'authorization',
      ),
    )
  },
)

t.test(
  "where a route opts in, a client's own Authorization passes untouched, but not twice",
  async t => {
    const existing = { ...identity, bearer: undefined, clientAuthorization: true }
    t.strictSame(
      pairs(build(request('Host', 'h', 'Authorization', 'Basic abc'), route, 'a', existing)).filter(
        ([n]) => n === 'authorization',
      ),
      [['authorization', 'Basic abc']],
    )
    t.equal(
      build(request('Host', 'h', 'Authorization', 'a', 'Authorization', 'b'), route, 'a', existing),
      'malformed_request',
    )
  },
)

t.test(
  'identity headers and their underscored look-alikes never pass (HD-02, HD-03, CVE-2025-64484)',
  async t => {
    const names = [
      ...[
        'X-User',
        'x_user',
        'X-Forwarded-For',
        'X_Forwarded_For',
        'x-forwarded_user',
        'Forwarded',
        'X-Real-IP',
      ],
      ...[
        'X-Original-URL',
        'X-Rewrite-URL',
        'X-Forwarded-Uri',
        'X-HTTP-Method-Override',
        'x_http_method',
        'Remote-User',
      ],
      ...['X-Request-Id', 'x_request_id', 'H_ost', 'Coo_kie', 'content_length', 'V_ia'],
    ]
    t.strictSame(sent('Host', 'h', ...names.flatMap(name => [name, 'spoofed'])), [
      ['host', 'api:3000'],
      ...ours,
    ])
  },
)

t.test('only listed cookies pass, and never ours (CK-14)', async t => {
  const cookies = (value: string) =>
    sent('Host', 'h', 'Cookie', value).filter(([name]) => name === 'cookie')
  t.strictSame(cookies('__Host-Http-session=secret; theme=dark; other=1'), [
    ['cookie', 'theme=dark'],
  ])
  t.strictSame(cookies('__Host-Http-session=secret'), [])
})

t.test(
  'a doubled singleton is refused rather than read by one side and not by the other (HD-05)',
  async t => {
    for (const name of ['Host', 'Content-Type', 'Origin', 'Content-Length']) {
      t.equal(
        build(request('Accept', 'x', name, 'a', name.toLowerCase(), 'b'), route, 'a', identity),
        'malformed_request',
        name,
      )
    }
  },
)

t.test(
  'Via is appended to, and a request that carries our pseudonym has been here before (PX-14)',
  async t => {
    t.same(
      sent('Host', 'h', 'Via', '1.0 fred, 1.1 p').find(([name]) => name === 'via'),
      ['via', '1.0 fred, 1.1 p, 1.1 claimcheck-1'],
    )
    t.equal(
      build(request('Host', 'h', 'Via', '1.1 claimcheck-1'), route, 'a', identity),
      'loop_detected',
    )
  },
)

t.test('a capture asks for a whole and unencoded answer', async t => {
  const capture = { ...route, capture: {} } as unknown as RoutePlan
  const raw = [
    'Host',
    'h',
    'Accept-Encoding',
    'br',
    'Range',
    'bytes=0-1',
    'If-None-Match',
    'x',
    'If-Range',
    'y',
    'Accept',
    'a',
  ]
  const names = pairs(build(request(...raw), capture, 'a', identity)).map(([name]) => name)
  t.strictSame(names.slice(0, 3), ['host', 'accept', 'x-forwarded-for'])
})
