// Upstreams that are down, restart, or answer in ways of their own.
import { join } from 'node:path'
import t from 'tap'
import { startGateway, testFolder } from '../fixtures/gateway.ts'
import { send } from '../fixtures/login-api.ts'
import { ok, startRawUpstream } from '../fixtures/raw-upstream.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { sendRaw } from '../fixtures/upstream.ts'

type Test = Parameters<typeof startRedis>[0]

/** A gateway whose one route is open and leads to these targets. */
const start = async (t: Test, targets: readonly string[], more = '') => {
  const redis = await startRedis(t)
  return startGateway(
    t,
    `redis: { url: ${redis.url} }
upstreams:
  api: { targets: [${targets.map(target => `"${target}"`).join(', ')}], connectTimeout: 500ms${more} }
routes:
  - { path: /, upstream: api, auth: none }`,
  )
}

t.test('a target that is down costs nobody a request, and comes back by itself', async t => {
  const dead = await freePort()
  const alive = await startRawUpstream(t, (socket, { header }) =>
    socket.write(ok(`alive ${header('host')}`)),
  )
  const gateway = await start(t, [`http://127.0.0.1:${dead}`, alive.url])
  const ask = async (method: string, body?: string) => {
    const response = await send(`${gateway.url}/x`, { method, ...(body !== undefined && { body }) })
    t.equal(response.status, 200)
    return response.text()
  }
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('GET')))
  t.strictSame(new Set(answers), new Set([`alive 127.0.0.1:${alive.port}`]), 'Host is its own')
  await ask('POST', 'a body, of which no byte was sent before')
  t.match(alive.requests.at(-1)?.text, /\r\n\r\na body, of which no byte was sent before$/)
  t.equal(alive.requests.length, 21, 'nothing was sent twice')

  const back = await startRawUpstream(t, socket => socket.write(ok('back')), dead)
  const seen = new Set<string>()
  await until(async () => seen.add(await ask('GET')).has('back'))
  await alive.stop()
  t.equal(await ask('GET'), 'back')
  await back.stop()
  t.equal((await send(`${gateway.url}/x`)).status, 502)
})

t.test('an upstream may listen on a unix socket', async t => {
  const path = join(await testFolder(t), 'api.sock')
  await startRawUpstream(t, (socket, { header }) => socket.write(ok(`${header('host')}`)), path)
  const gateway = await start(t, [`unix:${path}`])
  const response = await send(`${gateway.url}/x`)
  t.equal(response.status, 200)
  t.equal(await response.text(), 'localhost')
})

t.test('a kept connection that closes under a request: only safe ones are sent again', async t => {
  const upstream = await startRawUpstream(t, (socket, { before }) => {
    if (before === 0) socket.write(ok('fine'))
    else socket.destroy()
  })
  const gateway = await start(t, [upstream.url])
  const ask = async (method: string, body?: string) =>
    (await send(`${gateway.url}/x`, { method, ...(body !== undefined && { body }) })).status
  t.equal(await ask('GET'), 200)
  t.equal(await ask('GET'), 200, 'over a new connection')
  t.equal(upstream.requests.length, 3)
  t.equal(upstream.connections(), 2)
  t.equal(await ask('GET'), 200)
  const before = upstream.requests.length
  t.equal(await ask('POST', 'pay'), 502, 'it may have been carried out')
  t.equal(upstream.requests.length, before + 1, 'PX-12')
})

t.test('a new connection that closes without an answer is an answer', async t => {
  const upstream = await startRawUpstream(t, socket => socket.destroy())
  const gateway = await start(t, [upstream.url])
  t.equal((await send(`${gateway.url}/x`)).status, 502)
  t.equal(upstream.requests.length, 1)
})

t.test('an upstream that restarts between requests fails none of the safe ones', async t => {
  let upstream = await startRawUpstream(t, socket => socket.write(ok('one')))
  const { port } = upstream
  const gateway = await start(t, [upstream.url])
  for (let round = 0; round < 5; round++) {
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await send(`${gateway.url}/x`)).status),
    )
    t.strictSame(new Set(statuses), new Set([200]))
    await upstream.stop()
    upstream = await startRawUpstream(t, socket => socket.write(ok('two')), port)
  }
})

t.test('503 and Retry-After pass at once, and nobody asks again (PX-12)', async t => {
  const upstream = await startRawUpstream(t, socket =>
    socket.write('HTTP/1.1 503 Busy\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n'),
  )
  const gateway = await start(t, [upstream.url])
  const response = await send(`${gateway.url}/x`)
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '3600')
  t.equal(upstream.requests.length, 1)
})

t.test(
  'a redirect is passed, not followed, and our own name takes the place of an inner one (PX-10)',
  async t => {
    const trap = await startRawUpstream(t, socket => socket.write(ok('caught')))
    let location = ''
    const upstream = await startRawUpstream(t, socket =>
      socket.write(`HTTP/1.1 302 Found\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`),
    )
    const gateway = await start(t, [upstream.url])
    location = `${trap.url}/x`
    t.equal((await send(`${gateway.url}/x`)).headers.get('location'), location)
    location = `${upstream.url}/y?z`
    t.equal((await send(`${gateway.url}/x`)).headers.get('location'), '/y?z')
    t.equal(trap.connections(), 0)
  },
)

t.test('odd answers are passed in a form that no client misreads, or are 502', async t => {
  let answer = ''
  const upstream = await startRawUpstream(t, socket => socket.end(answer, 'latin1'))
  const gateway = await start(t, [upstream.url])
  const ask = async (text: string, line = 'GET /x HTTP/1.1') => {
    answer = text
    const got = await sendRaw(
      gateway.port,
      `${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    return got.replace(/\r\nDate: [^\r]+/, '\r\nDate: now')
  }
  const plain = 'Date: now\r\nConnection: close\r\n'
  const cases: readonly (readonly [string, string, string])[] = [
    [
      '1xx are not final (PX-07)',
      'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi',
      `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${plain}\r\nhi`,
    ],
    [
      'a 304 may say how long the body would be',
      'HTTP/1.1 304 Not Modified\r\netag: "a"\r\ncontent-length: 5\r\n\r\n',
      `HTTP/1.1 304 Not Modified\r\netag: "a"\r\ncontent-length: 5\r\n${plain}\r\n`,
    ],
    [
      'a 204 may not, and what follows it is nothing',
      'HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello',
      `HTTP/1.1 204 No Content\r\n${plain}\r\n`,
    ],
    [
      'trailers are dropped (PX-05)',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: set-cookie\r\n\r\n2\r\nhi\r\n0\r\nset-cookie: a=b\r\n\r\n',
      `HTTP/1.1 200 OK\r\n${plain}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    ],
    [
      'a reason phrase that is no Latin-1 is left out',
      'HTTP/1.1 200 \xe2\x82\xac\r\ncontent-length: 2\r\n\r\nhi',
      `HTTP/1.1 200 \r\ncontent-length: 2\r\n${plain}\r\nhi`,
    ],
    [
      'a control character in it too',
      'HTTP/1.1 200 a\x01b\r\ncontent-length: 2\r\n\r\nhi',
      `HTTP/1.1 200 \r\ncontent-length: 2\r\n${plain}\r\nhi`,
    ],
    [
      'an answer of HTTP/1.0 that ends with its connection',
      'HTTP/1.0 200 OK\r\n\r\nhi',
      `HTTP/1.1 200 OK\r\n${plain}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    ],
  ]
  for (const [title, sent, due] of cases) t.equal(await ask(sent), due, title)
  t.equal(
    await ask('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 'HEAD /x HTTP/1.1'),
    `HTTP/1.1 200 OK\r\ncontent-length: 5\r\n${plain}\r\n`,
    'HEAD',
  )
  for (const [title, sent] of [
    [
      'a header of 40 KB',
      `HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(40_000)}\r\ncontent-length: 0\r\n\r\n`,
    ],
    [
      'a control character in a header',
      'HTTP/1.1 200 OK\r\nx-a: a\x01b\r\ncontent-length: 0\r\n\r\n',
    ],
    ['a folded line', 'HTTP/1.1 200 OK\r\nx-a: a\r\n b\r\ncontent-length: 0\r\n\r\n'],
    ['LF alone', 'HTTP/1.1 200 OK\nx-a: a\ncontent-length: 0\n\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nhi'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a status of four digits', 'HTTP/1.1 1000 No\r\ncontent-length: 0\r\n\r\n'],
    [
      '101 that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ],
    ['100 that nobody asked for', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['nonsense', 'nonsense\r\n\r\n'],
    ['nothing', ''],
  ]) {
    t.match(await ask(`${sent}`), /^HTTP\/1\.1 502 /, `${title}`)
  }
  t.match(await ask(ok('still here')), /still here$/)
  t.notMatch(gateway.log(), '"code":"internal"')
})
