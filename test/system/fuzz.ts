// Generated targets and header blocks: whatever an upstream reads as protected came with a session and its bearer (PA-01).
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { startLenientUpstream } from '../fixtures/lenient-upstream.ts'
import { createLoginApi, login, routesTo } from '../fixtures/login-api.ts'
import { readers } from '../fixtures/readers.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

type Test = Parameters<typeof startRedis>[0]

/** More with CLAIMCHECK_FUZZ_RUNS=100000; a failure prints its seed, which CLAIMCHECK_FUZZ_SEED takes. */
const numRuns = Number(process.env['CLAIMCHECK_FUZZ_RUNS'] ?? 600)
const given = process.env['CLAIMCHECK_FUZZ_SEED']
const settings = { numRuns, ...(given !== undefined && { seed: Number(given) }) }

const guarded: readonly (readonly string[])[] = [['admin'], ['public', 'secret'], ['api']]

const isGuarded = (segments: readonly string[]): boolean =>
  guarded.some(path => path.every((segment, index) => segments[index] === segment))

const start = async (t: Test) => {
  const redis = await startRedis(t)
  const upstream = await startLenientUpstream(t)
  const api = createLoginApi()
  const logins = await startUpstream(t, api.answer)
  const open = ['/', '/public', '/loose'].map(path => {
    const relaxed = 'allowEncodedSlash: true, allowEmptySegments: true, allowPathParameters: true'
    const more = path === '/loose' ? `, ${relaxed}` : ''
    return `  - { path: ${path}, upstream: "${upstream.url}", auth: none, cookies: ["*"]${more} }`
  })
  const closed = ['/admin', '/public/secret'].map(
    path => `  - { path: ${path}, upstream: "${upstream.url}", claimHeaders: { X-User: sub } }`,
  )
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }\n${routesTo(logins.url, [...open, ...closed].join('\n'))}`,
  )
  const { cookie } = await login(gateway, 'alice')
  return { gateway, upstream, cookie, bearer: `Bearer ${api.issued[0]}` }
}

/** Sends it and waits for the end of the connection, or until nothing happens any more. */
const exchange = async (port: number, text: string): Promise<string> => {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.on('error', () => undefined)
  let received = ''
  socket.on('data', chunk => {
    received += chunk
  })
  const gone = once(socket, 'close')
  // A request that never ends is not answered: then the client gives up.
  const timer = setTimeout(() => socket.destroy(), 300)
  socket.write(text, 'latin1')
  await gone
  clearTimeout(timer)
  return received
}

const names = ['admin', 'public', 'secret', 'loose', 'api', 'login', 'auth', 'logout', 'x']
const tricks = [
  ...['.', '..', '...', '', ' ', '%', '#', '?', ';', ';x=1', '\\', '%00', '%0d%0a', '~', '@', ':'],
  ...[
    '%2e',
    '%2E%2e',
    '%252e',
    '%2f',
    '%5C',
    '%3b',
    '%23',
    '%3f',
    '%25',
    '%20',
    '%c0%af',
    '%c0%ae',
  ],
  ...[
    '%ef%bc%8f',
    '%ef%bc%8e',
    '%c2%ad',
    '%e2%80%8b',
    '%ff',
    '\xe4',
    '%u002e',
    '%2',
    '//',
    '/./',
    '/../',
  ],
]

/** A character as it is, in the other case, or escaped once, twice or thrice. */
const spelt = (char: string, how: number): string => {
  const hex = char.charCodeAt(0).toString(16).padStart(2, '0')
  switch (how) {
    case 0:
      return char.toUpperCase()
    case 1:
      return `%${hex}`
    case 2:
      return `%${hex.toUpperCase()}`
    case 3:
      return `%25${hex}`
    case 4:
      return `%2525${hex}`
    default:
      return char
  }
}

const name = fc
  .tuple(fc.constantFrom(...names), fc.array(fc.nat({ max: 40 }), { minLength: 8, maxLength: 8 }))
  .map(([text, how]) => [...text].map((char, i) => spelt(char, how[i] ?? 9)).join(''))
const piece = fc.oneof(
  { arbitrary: name, weight: 4 },
  { arbitrary: fc.constantFrom(...tricks), weight: 4 },
  { arbitrary: fc.string({ maxLength: 3 }), weight: 1 },
)
const segment = fc.array(piece, { minLength: 1, maxLength: 3 }).map(parts => parts.join(''))
const path = fc
  .array(fc.oneof({ arbitrary: name, weight: 3 }, { arbitrary: segment, weight: 2 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map(segments => `/${segments.join('/')}`)
const target = fc.oneof(
  { arbitrary: path, weight: 8 },
  { arbitrary: path.map(text => `{origin}${text}`), weight: 1 },
  { arbitrary: path.map(text => `/loose${text}`), weight: 1 },
  { arbitrary: path.map(text => `/admin${text}`), weight: 2 },
  { arbitrary: path.map(text => text.slice(1)), weight: 1 },
)

const smuggled =
  'GET /admin/smuggled HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer evil\r\n\r\n'
const line = fc.oneof(
  fc.constantFrom(
    ...['Authorization: Bearer evil', 'AUTHORIZATION: Basic evil', 'authori_zation: evil'],
    ...[
      'X-User: evil',
      'x_user: evil',
      'X_USER: evil',
      'X-Forwarded-For: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
    ],
    ...[
      'X-Original-URL: /public',
      'X-Rewrite-URL: /public',
      'X-Forwarded-Uri: /public',
      'X-HTTP-Method-Override: GET',
    ],
    ...[
      'Connection: authorization',
      'Connection: x-user, cookie',
      'Connection: close, x-forwarded-for',
      'TE: trailers',
    ],
    ...[
      'Cookie: a=b',
      'Cookie: {session}',
      'Cookie: {session}x',
      'Cookie: \xa0{session}',
      'Cookie: {lower}',
    ],
    ...[
      'Origin: https://evil.example',
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Site: same-origin',
      'Expect: 100-continue',
    ],
    ...[
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: identity',
      'transfer-encoding: xchunked',
      'Transfer-Encoding : chunked',
    ],
    ...[
      'Content-Length: 0',
      'Content-Length: 5',
      `Content-Length: ${smuggled.length}`,
      'Content-Length: +5',
      'Content_Length: 5',
    ],
    ...[
      'Host: evil.example',
      ' folded: x',
      'X-A: b\rX-User: evil',
      'X-A: b\nX-User: evil',
      'X-A',
      'Keep-Alive: 5',
    ],
  ),
  fc
    .tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 12 }))
    .map(([field, value]) => `${field}: ${value}`),
)
const body = fc.constantFrom(
  '',
  'hello',
  smuggled,
  `0\r\n\r\n${smuggled}`,
  `5\r\nhello\r\n0\r\n\r\n${smuggled}`,
)
const method = fc.constantFrom(
  'GET',
  'GET',
  'GET',
  'POST',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'get',
  'TRACE',
)

t.test('no generated request reaches what is guarded without a session', async t => {
  const { gateway, upstream, cookie, bearer } = await start(t)
  const fill = (text: string) =>
    text
      .replaceAll('{session}', cookie)
      .replaceAll('{lower}', cookie.toLowerCase())
      .replaceAll('{origin}', `http://localhost:${gateway.port}`)
  let reached = 0
  let withBearer = 0

  const check = async (text: string): Promise<void> => {
    upstream.forget()
    await exchange(gateway.port, fill(text))
    const { ran } = upstream
    // A body that is not sent whole is not run by the upstream; what it did run is one request at the most.
    if (ran.length > 1) throw new Error(`ran ${ran.map(one => one.line).join(' and ')}`)
    for (const { line, headers } of ran) {
      reached++
      const authorization = headers.get('authorization')
      if (authorization !== undefined && authorization !== bearer) throw new Error(authorization)
      if (authorization !== undefined) withBearer++
      const [, sent = ''] = line.split(' ')
      for (const [reader, read] of Object.entries(readers)) {
        if (isGuarded(read(sent)) && authorization !== bearer) {
          throw new Error(`${reader} reads ${sent} as ${read(sent).join('/')}`)
        }
      }
      const user = headers.get('x-user')
      if (user !== undefined && (user !== 'alice' || authorization !== bearer))
        throw new Error(user)
      if (headers.get('x-forwarded-for') !== '127.0.0.1') throw new Error('X-Forwarded-For')
      if (/Host-Http-session/i.test(headers.get('cookie') ?? '')) throw new Error('our cookie')
    }
    const [block = ''] = upstream.raw().toLowerCase().replaceAll('_', '-').split('\r\n\r\n', 1)
    for (const header of ['x-user', 'authorization', 'x-forwarded-for', 'host']) {
      if (block.split(`\n${header}:`).length > 2) throw new Error(`${header} twice`)
    }
  }

  await t.test('targets', async () => {
    const request = fc
      .tuple(target, fc.constantFrom('', 'Cookie: {session}\r\nSec-Fetch-Site: same-origin\r\n'))
      .map(
        ([to, more]) => `GET ${to} HTTP/1.1\r\nHost: localhost\r\n${more}Connection: close\r\n\r\n`,
      )
    await fc.assert(fc.asyncProperty(request, check), settings)
  })
  await t.test('header blocks', async () => {
    const request = fc
      .tuple(
        method,
        fc.oneof(target, fc.constantFrom('/admin/x', '/public/x')),
        fc.array(line, { maxLength: 6 }),
        body,
      )
      .map(
        ([verb, to, lines, content]) =>
          `${verb} ${to} HTTP/1.1\r\nHost: localhost\r\n${lines.map(one => `${one}\r\n`).join('')}Connection: close\r\n\r\n${content}`,
      )
    await fc.assert(fc.asyncProperty(request, check), settings)
  })
  t.ok(reached > numRuns / 20, `${reached} requests reached the upstream`)
  t.ok(withBearer > 0, `${withBearer} of them with a session`)
  t.notMatch(gateway.log(), '"code":"internal"')
})
