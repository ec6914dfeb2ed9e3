// Who is refused in the middle of sending can read why, and what was still coming is nobody's request.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const start = async (t: Test) => {
  const redis = await startRedis(t)
  const upstream = await startUpstream(t)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url}, commandTimeout: 10s }
routes:
  - { path: /api, upstream: "${upstream.url}" }
  - { path: /open, upstream: "${upstream.url}", auth: none, maxBody: 64kb }
`,
  )
  return { upstream, gateway }
}

const megabytes = 5
const length = megabytes * 1024 * 1024

/** Sends it all without reading a byte, and only then reads. Undefined: the connection was reset. */
const shout = async (port: number, head: string, body: readonly Buffer[]) => {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let failed: Error | undefined
  socket.on('error', error => {
    failed = error
  })
  socket.pause()
  socket.write(head)
  for (const chunk of body) {
    if (failed !== undefined) break
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
  }
  let text = ''
  socket.setEncoding('latin1').on('data', chunk => {
    text += chunk
  })
  socket.end()
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
  return { text, failed }
}

const chunks = Array.from({ length: megabytes * 16 }, () => Buffer.alloc(65_536, 'x'))
const post = (path: string, ...lines: string[]) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`

t.test('a client that sends five megabytes without reading gets its 401 (PX-04)', async t => {
  const { gateway, upstream } = await start(t)
  const { text, failed } = await shout(
    gateway.port,
    post('/api/x', `Content-Length: ${length}`, `Origin: http://localhost:${gateway.port}`),
    chunks,
  )
  t.equal(failed, undefined, 'no reset')
  t.match(text, /^HTTP\/1\.1 401 /)
  t.match(text, /\r\nconnection: close\r\n/i)
  t.match(text, '"code":"no_session"')
  t.equal(upstream.bytes(), 0)
})

t.test('and its 413, announced or found out on the way (RL-02)', async t => {
  const { gateway } = await start(t)
  const announced = await shout(gateway.port, post('/open', `Content-Length: ${length}`), chunks)
  t.equal(announced.failed, undefined)
  t.match(announced.text, /^HTTP\/1\.1 413 [\s\S]*"code":"body_too_large"/)

  const framed = chunks.flatMap(chunk => [Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')])
  const found = await shout(gateway.port, post('/open', 'Transfer-Encoding: chunked'), [
    ...framed,
    Buffer.from('0\r\n\r\n'),
  ])
  t.equal(found.failed, undefined)
  t.match(found.text, /^HTTP\/1\.1 413 [\s\S]*"code":"body_too_large"/)
})

t.test('a header block of a megabyte is answered 431, and readable (RL-01)', async t => {
  const { gateway } = await start(t)
  const lines = Array.from({ length: 16 }, () => Buffer.from(`Cookie: ${'c'.repeat(65_500)}\r\n`))
  const { text, failed } = await shout(
    gateway.port,
    'GET /open HTTP/1.1\r\nHost: localhost\r\n',
    lines,
  )
  t.equal(failed, undefined)
  t.match(text, /^HTTP\/1\.1 431 [\s\S]*"code":"header_too_large"/)
})

t.test('what comes behind a refused body is no request (PX-04)', async t => {
  const { gateway, upstream } = await start(t)
  const origin = `Origin: http://localhost:${gateway.port}`
  const { text } = await shout(gateway.port, post('/api/x', `Content-Length: ${length}`, origin), [
    ...chunks,
    Buffer.from('GET /open/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  ])
  t.match(text, /^HTTP\/1\.1 401 /)
  t.equal(text.match(/HTTP\/1\.1 /g)?.length, 1)
  await until(async () => (await fetch(`${gateway.url}/open/after`)).status === 200)
  t.strictSame(
    upstream.requests.map(({ url }) => url),
    ['/open/after'],
  )
})
