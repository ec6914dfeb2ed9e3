// A WebSocket is a request: the same guard before any byte goes upstream, the same answers, and only then a tunnel.
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { WebSocket } from 'undici'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { sendRaw, startUpstream } from '../fixtures/upstream.ts'
import {
  type Answer,
  echo,
  frameOf,
  handshake,
  openWebSocket,
  readFrames,
  startSocketUpstream,
  switching,
} from '../fixtures/websocket.ts'

const app = 'https://app.example.com'

const start = async (
  t: Parameters<typeof startRedis>[0],
  { answer = echo, more = '' }: { answer?: Answer; more?: string } = {},
) => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const logins = await startUpstream(t, api.answer)
  const upstream = await startSocketUpstream(t, answer)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }
upstreams:
  sockets: { targets: ["${upstream.url}"], headersTimeout: 500ms, idleTimeout: 500ms }
${more}
${routesTo(
  logins.url,
  `  - { path: /ws, upstream: sockets, websocket: true, cookies: [theme], cors: { origins: ["${app}"] } }
  - { path: /ws/admin, upstream: sockets, websocket: true, require: { scopes: [admin] } }
  - { path: /post, upstream: sockets, methods: [POST] }
  - { path: /plain, upstream: sockets }
  - { path: /open, upstream: sockets, websocket: true, auth: none }`,
)}`,
  )
  const { cookie, ticket } = await login(gateway, 'alice')
  return { redis, api, upstream, gateway, cookie, ticket }
}

t.test('the upstream gets the bearer, and bytes pass both ways (WS-03)', async t => {
  const { gateway, upstream, api, cookie } = await start(t, {
    answer: (req, socket, head) => {
      socket.write(
        switching(
          req,
          'Sec-WebSocket-Protocol: chat',
          'X-Upstream: yes',
          'Set-Cookie: __Host-Http-session=stolen',
          'Content-Length: 7',
        ),
      )
      const read = readFrames(({ payload }) => socket.write(frameOf(`re: ${payload}`)))
      socket.on('data', read)
      read(head)
    },
  })
  const client = await openWebSocket(t, gateway, '/ws/room?id=7', {
    cookie: `theme=dark; ${cookie}`,
    headers: {
      'Sec-WebSocket-Protocol': 'chat, superchat',
      'Sec-WebSocket-Extensions': 'permessage-deflate',
      Authorization: 'Bearer of-the-client',
      'X-Forwarded-User': 'root',
    },
    early: frameOf('early', 1, true),
  })
  t.equal(client.status, 101)
  t.match(client.head, /^sec-websocket-protocol: chat$/im)
  t.match(client.head, /^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=$/im)
  t.match(client.head, /^x-upstream: yes$/im)
  t.notMatch(client.head, /set-cookie|content-length/i)
  client.send('hello')
  await until(() => client.texts().length === 2)
  t.strictSame(client.texts(), ['re: early', 're: hello'])
  const [seen] = upstream.handshakes
  t.equal(seen?.url, '/ws/room?id=7')
  t.equal(seen?.headers.authorization, `Bearer ${api.issued[0]}`)
  t.equal(seen?.headers.cookie, 'theme=dark', 'the cookies that the route lists, not ours')
  t.equal(seen?.headers.origin, `http://localhost:${gateway.port}`, 'CVE-2026-133111')
  t.equal(seen?.headers['sec-websocket-protocol'], 'chat, superchat')
  t.equal(seen?.headers['sec-websocket-extensions'], 'permessage-deflate')
  t.equal(seen?.headers['x-forwarded-user'], undefined)
  t.equal(seen?.headers['x-forwarded-proto'], 'http')
  client.socket.end()
  await until(() => upstream.open() === 0)
})

t.test('a client library is content, and its close reaches the upstream', async t => {
  const { gateway, upstream, cookie } = await start(t)
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/ws`, {
    headers: { cookie, origin: app, 'sec-fetch-site': 'cross-site' },
  })
  await once(socket, 'open')
  const large = 'x'.repeat(300_000)
  socket.send(large)
  const [message] = await once(socket, 'message')
  t.ok(message.data === large)
  socket.close(4000, 'done')
  const [closed] = await once(socket, 'close')
  t.equal(closed.code, 4000)
  t.ok(closed.wasClean)
  await until(() => upstream.open() === 0)
})

t.test('what is refused is answered before any upstream connection (WS-01, WS-02)', async t => {
  const { gateway, upstream, cookie } = await start(t)
  const key = 'Sec-WebSocket-Key'
  const cases: [
    name: string,
    status: number,
    code: string,
    path: string,
    wanted: Parameters<typeof handshake>[2],
  ][] = [
    ['no cookie', 401, 'no_session', '/ws', {}],
    [
      'an unknown ticket',
      401,
      'no_session',
      '/ws',
      { cookie: `__Host-Http-session=${'x'.repeat(43)}` },
    ],
    ['two tickets', 400, 'ambiguous_ticket', '/ws', { cookie: `${cookie}; ${cookie}` }],
    ['a missing scope', 403, 'not_allowed', '/ws/admin', { cookie }],
    ['no Origin', 403, 'cross_site', '/ws', { cookie, headers: { Origin: '' } }],
    ['Origin null', 403, 'cross_site', '/ws', { cookie, origin: 'null' }],
    [
      'a sibling',
      403,
      'cross_site',
      '/ws',
      { cookie, origin: `http://x.localhost:${gateway.port}` },
    ],
    [
      'another scheme',
      403,
      'cross_site',
      '/ws',
      { cookie, origin: `https://localhost:${gateway.port}` },
    ],
    ['two Origins', 403, 'cross_site', '/ws', { cookie, origin: `${app}, ${app}` }],
    ['a listed Origin on another route', 403, 'cross_site', '/ws/admin', { cookie, origin: app }],
    ['a route without websocket', 400, 'upgrade_refused', '/plain', { cookie }],
    ['no route', 404, 'not_found', '/elsewhere', { cookie }],
    ['a route without GET', 405, 'method_not_allowed', '/post', { cookie }],
    ['another method', 400, 'upgrade_refused', '/ws', { cookie, method: 'POST' }],
    ['HEAD', 400, 'upgrade_refused', '/ws', { cookie, method: 'HEAD' }],
    ['an own endpoint', 400, 'upgrade_refused', '/auth/session', { cookie }],
    ['below the auth path', 404, 'not_found', '/auth/ws', { cookie }],
    [
      'version 8',
      400,
      'upgrade_refused',
      '/ws',
      { cookie, headers: { 'Sec-WebSocket-Version': '8' } },
    ],
    [
      'no version',
      400,
      'upgrade_refused',
      '/ws',
      { cookie, headers: { 'Sec-WebSocket-Version': '' } },
    ],
    ['no key', 400, 'upgrade_refused', '/ws', { cookie, headers: { [key]: '' } }],
    ['a short key', 400, 'upgrade_refused', '/ws', { cookie, headers: { [key]: 'AAAA' } }],
    [
      'two keys',
      400,
      'upgrade_refused',
      '/ws',
      { cookie, headers: { [key.toLowerCase()]: 'dGhlIHNhbXBsZSBub25jZQ==' } },
    ],
    [
      'nominated Origin',
      400,
      'upgrade_refused',
      '/ws',
      { cookie, headers: { Connection: 'Upgrade, Origin' } },
    ],
    [
      'a body',
      400,
      'upgrade_refused',
      '/ws',
      { cookie, headers: { 'Content-Length': '5' }, early: 'hello' },
    ],
    [
      'a chunked body',
      400,
      'upgrade_refused',
      '/ws',
      { cookie, headers: { 'Transfer-Encoding': 'chunked' }, early: '0\r\n\r\n' },
    ],
    ['dot segments (CVE-2026-15631)', 400, 'malformed_request', '/ws/../ws/admin', { cookie }],
    ['encoded dot segments', 400, 'malformed_request', '/ws/%2e%2e/plain', { cookie }],
    ['a backslash', 400, 'malformed_request', '/ws\\..\\plain', { cookie }],
    ['a fragment (CVE-2026-129502)', 400, 'malformed_request', '/ws#/../plain', { cookie }],
    ['an encoded slash', 400, 'malformed_request', '/ws%2fadmin', { cookie }],
    ['another host', 421, 'misdirected', 'http://evil.example/ws', { cookie }],
    ['a case that is another route', 404, 'not_found', '/WS/Admin', { cookie }],
  ]
  for (const [name, status, code, path, wanted] of cases) {
    const client = await openWebSocket(t, gateway, path, wanted)
    t.equal(client.status, status, name)
    t.match(client.head, /^connection: close$/im, name)
    const body = await client.body()
    if (wanted?.method === 'HEAD') t.equal(body, '')
    else t.match(JSON.parse(body), { code, status }, name)
    if (code === 'upgrade_refused') t.match(client.head, /^sec-websocket-version: 13$/im, name)
  }
  t.equal(upstream.connections(), 0)
  t.equal((await openWebSocket(t, gateway, '/ws', { cookie })).status, 101)
  const anonymous = await openWebSocket(t, gateway, '/open', { headers: { Origin: '' } })
  t.equal(anonymous.status, 101, 'a route without sessions is for everybody')
  t.equal(upstream.handshakes.at(-1)?.headers.authorization, undefined)
})

t.test('nothing that the client sends too early reaches the upstream before it agreed', async t => {
  let agree = () => {}
  let tooEarly = 0
  const { gateway, cookie, upstream } = await start(t, {
    answer: (req, socket, head) => {
      tooEarly += head.length
      const count = (chunk: Buffer) => {
        tooEarly += chunk.length
      }
      socket.on('data', count)
      agree = () => {
        socket.off('data', count)
        echo(req, socket, Buffer.alloc(0))
      }
    },
  })
  const opened = openWebSocket(t, gateway, '/ws', { cookie, early: frameOf('first', 1, true) })
  await until(() => upstream.handshakes.length === 1)
  // A round trip through the same gateway: what was on its way to the upstream would be there.
  await get(gateway, '/plain/events?not', cookie)
  t.equal(tooEarly, 0)
  agree()
  const client = await opened
  await until(() => client.texts().length === 1)
  t.strictSame(client.texts(), ['first'])
})

t.test('a refusal of the upstream is its own answer, and no tunnel (WS-05)', async t => {
  const large = 'no'.repeat(2_000_000)
  const { gateway, cookie, upstream } = await start(t, {
    answer: (_req, socket) => {
      socket.end(
        `HTTP/1.1 404 Nothing Here\r\nContent-Length: ${large.length}\r\nX-Why: closed\r\n` +
          `Set-Cookie: __Host-Http-session=x\r\nKeep-Alive: timeout=5\r\n\r\n${large}`,
      )
    },
  })
  const second = `GET /plain/second HTTP/1.1\r\nHost: localhost\r\n\r\n`
  const client = await openWebSocket(t, gateway, '/ws', { cookie, early: second })
  t.equal(client.status, 404)
  t.match(client.head, /^HTTP\/1\.1 404 Nothing Here\r\n/)
  t.match(client.head, /^x-why: closed$/im)
  t.match(client.head, /^connection: close$/im)
  t.match(client.head, /^cache-control: private$/im)
  t.notMatch(client.head, /set-cookie|keep-alive/i)
  client.socket.write(second)
  t.ok((await client.body()) === large, 'the whole answer, and nothing after it')
  t.equal(upstream.handshakes.length, 1)
  t.equal(upstream.requests(), 0, 'what follows on that connection goes nowhere')
})

t.test('an upstream that agrees to something else, or to nothing, is no tunnel', async t => {
  const answers: Record<string, string> = {
    '/ws/key':
      'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n',
    '/ws/none': 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    '/ws/h2c': 'HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
    '/ws/garbage': 'SSH-2.0-OpenSSH\r\n\r\n',
  }
  const { gateway, cookie, upstream } = await start(t, {
    answer: (req, socket) => {
      const answer = answers[req.url ?? '']
      if (answer !== undefined) socket.write(answer)
      else if (req.url === '/ws/gone') socket.destroy()
    },
  })
  for (const path of [...Object.keys(answers), '/ws/gone']) {
    const client = await openWebSocket(t, gateway, path, { cookie })
    t.equal(client.status, 502, path)
    t.match(JSON.parse(await client.body()), { code: 'upstream_failed' })
  }
  const silent = await openWebSocket(t, gateway, '/ws/silent', { cookie })
  t.equal(silent.status, 504)
  await until(() => upstream.open() === 0)
})

t.test('other upgrades are ordinary requests, or refused; never a tunnel', async t => {
  const { gateway, cookie, upstream } = await start(t)
  const ask = (path: string, upgrade: string, more = '', method = 'GET') =>
    sendRaw(
      gateway.port,
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\n` +
        `HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nSec-Fetch-Site: same-origin\r\nCookie: ${cookie}\r\n${more}`,
    )
  for (const upgrade of ['h2c', 'websocket, h2c', 'websocket/13', 'TLS/1.0', 'x'.repeat(2000)]) {
    const answer = await ask('/ws/x', upgrade, '\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    t.match(answer, /^HTTP\/1\.1 404 Not Found\r\n/, upgrade)
    t.match(answer, /\r\nconnection: close\r\n/i)
    t.match(answer, /no such thing/)
  }
  t.equal(upstream.requests(), 5)
  t.equal(upstream.handshakes.length, 0)
  const own = await ask('/auth/session', 'h2c', '\r\n')
  t.match(own, /^HTTP\/1\.1 200 OK\r\n/)
  const body = await ask('/ws', 'h2c', 'Content-Length: 5\r\n\r\nhello', 'POST')
  t.match(body, /^HTTP\/1\.1 400 Bad Request\r\n/)
  t.match(body, /upgrade_refused/)
  t.equal(upstream.requests(), 5)
})

t.test(
  'hostile upgrades end in a refusal or a closed connection, and the gateway lives (WS-04)',
  async t => {
    const { gateway, cookie, upstream } = await start(t)
    const good = handshake(gateway, '/ws', { cookie })
    const lines = (count: number) =>
      Array.from({ length: count }, (_, i) => `X${i}: 1\r\n`).join('')
    const attacks: Record<string, string> = {
      '1,100 headers before Upgrade (CVE-2024-37890)': good.replace(
        'Connection:',
        `${'a:\r\n'.repeat(1_100)}Connection:`,
      ),
      '2,000 headers after Upgrade': good.replace('\r\n\r\n', `\r\n${'a:\r\n'.repeat(2_000)}\r\n`),
      '40 KB of headers': good.replace('\r\n\r\n', `\r\n${lines(5_000)}\r\n`),
      'behind an unanswered request (CVE-2026-130647)': `GET /ws/events HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nCookie: ${cookie}\r\n\r\n${good}`,
      'two at once': good.replace('/ws', '/plain') + good,
      'a NUL in the target': good.replace('/ws', '/ws\0'),
      'a bare LF': good.replaceAll('\r\n', '\n'),
      'HTTP/1.0': good.replace('HTTP/1.1', 'HTTP/1.0'),
      'an asterisk': good.replace('/ws', '*'),
      'a foreign absolute target': good.replace('/ws', 'ws://evil.example/ws'),
      'no Host': good.replace(/Host:.*\r\n/, ''),
      'two Hosts': good.replace('Host:', 'Host: evil.example\r\nHost:'),
      CONNECT: good.replace('GET /ws', 'CONNECT localhost:22'),
      'Content-Length and Transfer-Encoding': good.replace(
        '\r\n\r\n',
        '\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ),
      'a length that is none': good.replace('\r\n\r\n', '\r\nContent-Length: -1\r\n\r\n'),
      'a folded header': good.replace('Upgrade: websocket', 'Upgrade: web\r\n socket'),
      'a key with a NUL': good.replace('dGhl', 'd\0hl'),
    }
    for (const [name, attack] of Object.entries(attacks)) {
      const answer = await sendRaw(gateway.port, attack)
      if (!name.startsWith('behind')) t.match(answer, /^(?:HTTP\/1\.1 4\d\d |$)/, name)
      t.notMatch(answer, 'HTTP/1.1 101', name)
    }
    t.equal(upstream.handshakes.length, 0)

    // Sockets that break at any moment (CVE-2026-129500).
    for (const path of ['/ws', '/plain', '/elsewhere', '/ws/admin']) {
      const socket = connect(gateway.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(handshake(gateway, path, { cookie }))
      socket.resetAndDestroy()
      await once(socket, 'close')
    }
    const client = await openWebSocket(t, gateway, '/ws', { cookie })
    client.socket.resetAndDestroy()
    const other = await openWebSocket(t, gateway, '/ws', { cookie })
    upstream.destroyAll()
    t.equal(await other.code(), undefined)
    await until(() => upstream.open() === 0)
    const last = await openWebSocket(t, gateway, '/ws', { cookie })
    last.send('alive')
    await until(() => last.texts()[0] === 'alive')
  },
)

t.test(
  'an end at one side is an end at the other, and half of a tunnel does not stay open',
  async t => {
    const { gateway, cookie, upstream } = await start(t, {
      answer: (req, socket) => {
        socket.write(switching(req))
        socket.removeAllListeners('end')
        socket.on('data', () => undefined)
        if (req.url === '/ws/ends') socket.end(frameOf('last words'))
        if (req.url === '/ws/answers') socket.on('end', () => socket.end(frameOf('late')))
      },
    })
    const ended = await openWebSocket(t, gateway, '/ws/ends', { cookie })
    t.equal(await ended.code(), undefined)
    t.strictSame(ended.texts(), ['last words'])
    const answered = await openWebSocket(t, gateway, '/ws/answers', { cookie })
    answered.socket.end()
    t.equal(await answered.code(), undefined)
    t.strictSame(answered.texts(), ['late'], 'the other direction goes on after an end')
    const stuck = await openWebSocket(t, gateway, '/ws/stuck', { cookie })
    stuck.socket.end()
    t.equal(await stuck.code(), undefined, 'not forever')
    upstream.destroyAll()
  },
)

t.test('a reader that does not read holds the upstream back (WS-08)', async t => {
  const chunk = frameOf('x'.repeat(60_000))
  let written = 0
  let stopped = () => {}
  const held = new Promise<void>(resolve => {
    stopped = resolve
  })
  const { gateway, cookie } = await start(t, {
    answer: (req, socket) => {
      socket.write(switching(req))
      const more = () => {
        while (written < 512 * 1024 * 1024) {
          written += chunk.length
          if (!socket.write(chunk)) {
            // Nobody has made room for as long as a hundred turns of an idle gateway take.
            const waiting = setTimeout(stopped, 1_000)
            socket.once('drain', () => {
              clearTimeout(waiting)
              more()
            })
            return
          }
        }
        stopped()
      }
      more()
    },
  })
  const socket = connect(gateway.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.pause()
  socket.write(handshake(gateway, '/ws', { cookie }))
  await held
  t.ok(written < 64 * 1024 * 1024, `${Math.round(written / 1048576)} MB for nobody`)
})

t.test(
  'a session may have 64 tunnels and 256 requests open; others are not affected (WS-08)',
  async t => {
    const { gateway, cookie, upstream } = await start(t)
    const open = (path: string) => openWebSocket(t, gateway, path, { cookie })
    const tunnels = await Promise.all(Array.from({ length: 64 }, () => open('/ws')))
    t.ok(tunnels.every(({ status }) => status === 101))
    const connections = upstream.connections()
    const refused = await open('/ws')
    t.equal(refused.status, 429)
    t.match(refused.head, /^retry-after: 1$/im)
    t.match(JSON.parse(await refused.body()), { code: 'too_many_requests' })
    const events = Array.from({ length: 192 }, () => get(gateway, '/plain/events', cookie))
    t.ok((await Promise.all(events)).every(({ status }) => status === 200))
    t.equal((await get(gateway, '/plain/events', cookie)).status, 429)
    t.equal(upstream.connections(), connections + 192, 'nothing of what was refused went upstream')
    const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
    t.match(metrics, 'claimcheck_open_streams{kind="websocket"} 64\n')
    t.match(metrics, 'claimcheck_open_streams{kind="event_stream"} 192\n')

    const bob = await login(gateway, 'bob')
    t.equal((await openWebSocket(t, gateway, '/ws', { cookie: bob.cookie })).status, 101)
    tunnels[0]?.socket.destroy()
    await until(async () => (await open('/ws')).status === 101)
    upstream.destroyAll()
    await until(async () =>
      /kind="websocket"} 0\n/.test(await (await fetch(`${gateway.admin}/metrics`)).text()),
    )
  },
)

t.test(
  'a gateway that closes says so (1001), and finishes an answer that is no tunnel',
  async t => {
    let finish = (): void => undefined
    const { gateway, cookie } = await start(t, {
      answer: (req, socket, head) => {
        if (req.url === '/ws') return echo(req, socket, head)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf')
        finish = () => void socket.end('full')
      },
    })
    const client = await openWebSocket(t, gateway, '/ws', { cookie })
    const refused = await openWebSocket(t, gateway, '/open')
    t.equal(refused.status, 200)
    const closed = gateway.close()
    t.equal(await client.code(), 1001)
    finish()
    t.equal(await refused.body(), 'halffull')
    await closed
  },
)
