// Bodies run through: any size, flat memory, and an end at one side is an end at the other.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

/** What passes each way; more with CLAIMCHECK_STREAM_MB=1024. */
const megabytes = Number(process.env['CLAIMCHECK_STREAM_MB'] ?? 200)
const size = megabytes * 1024 * 1024
const chunk = Buffer.alloc(64 * 1024, 'x')

type Test = Parameters<typeof startRedis>[0]

/** A gateway before a server that streams, with somebody logged in. */
const start = async (t: Test, listener: Parameters<typeof createServer>[1], more = '') => {
  const redis = await startRedis(t)
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const api = createLoginApi()
  const logins = await startUpstream(t, api.answer)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }\n${more}\n${routesTo(logins.url, `  - { path: /big, upstream: "http://127.0.0.1:${port}" }`)}`,
  )
  const { cookie } = await login(gateway, 'alice')
  return { gateway, cookie, server }
}

t.test(`${megabytes} MB down and up pass with flat memory (PX-06)`, async t => {
  let received = 0
  const { gateway, cookie } = await start(t, (req, res) => {
    if (req.method === 'GET') {
      let left = size
      const more = () => {
        while (left > 0) {
          left -= chunk.length
          if (!res.write(chunk)) return void res.once('drain', more)
        }
        res.end()
      }
      return more()
    }
    req.on('data', data => {
      received += data.length
    })
    req.on('end', () => res.end(String(received)))
  })
  let highest = 0
  const watch = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage().rss)
  }, 50)
  t.teardown(() => clearInterval(watch))
  const headers = { cookie, 'sec-fetch-site': 'same-origin' }
  await get(gateway, '/auth/session', cookie)
  const before = process.memoryUsage().rss

  const down = request({ port: gateway.port, path: '/big', headers }).end()
  const [answer] = await once(down, 'response')
  let bytes = 0
  for await (const data of answer) bytes += data.length
  t.equal(bytes, size)

  const up = request({ port: gateway.port, path: '/big', method: 'POST', headers })
  const answered = once(up, 'response')
  for (let left = size; left > 0; left -= chunk.length)
    if (!up.write(chunk)) await once(up, 'drain')
  up.end()
  const [done] = await answered
  let text = ''
  for await (const data of done) text += data
  t.equal(Number(text), size)
  // Gateway, client and upstream are all in this process.
  t.ok(
    highest - before < 160 * 1024 * 1024,
    `grew by ${Math.round((highest - before) / 1048576)} MB`,
  )
})

t.test('a client that goes away ends the upstream request', async t => {
  const ended = new Promise<void>(resolve => {
    void start(t, (_req, res) => {
      res.write('first')
      res.on('close', () => resolve())
    }).then(({ gateway, cookie }) => {
      const socket = connect(gateway.port, '127.0.0.1')
      socket.write(
        `GET /big HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nCookie: ${cookie}\r\n\r\n`,
      )
      socket.once('data', () => socket.destroy())
    })
  })
  await ended
})

t.test(
  'an upstream that is cut in mid-answer is an error for the client, not a clean end',
  async t => {
    const { gateway, cookie } = await start(t, (_req, res) => {
      res.write('half of it')
      setImmediate(() => res.socket?.destroy())
    })
    const response = await get(gateway, '/big', cookie)
    t.equal(response.status, 200)
    await t.rejects(response.text())
  },
)

t.test('a slow reader slows the upstream down', async t => {
  let written = 0
  const { gateway, cookie } = await start(t, (_req, res) => {
    const more = () => {
      while (written < size) {
        written += chunk.length
        if (!res.write(chunk)) return void res.once('drain', more)
      }
      res.end()
    }
    more()
  })
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write(
    `GET /big HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nCookie: ${cookie}\r\n\r\n`,
  )
  await once(socket, 'readable')
  let last = -1
  while (last !== written) {
    last = written
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  t.ok(
    written < 64 * 1024 * 1024,
    `the upstream wrote ${Math.round(written / 1048576)} MB to a client that reads nothing`,
  )
  socket.destroy()
})

t.test('an event stream is not held back, and a silent one is not cut (WS-09)', async t => {
  const { gateway, cookie } = await start(
    t,
    (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      setTimeout(() => res.end('data: late\n\n'), 700)
    },
    '',
  )
  const response = await get(gateway, '/big', cookie)
  t.equal(await response.text(), 'data: late\n\n')
})

t.test(
  'an upstream that is gone is 502, one that is silent is 504, a body over the limit 413 (FL-08, RL-02)',
  async t => {
    const { gateway, cookie, server } = await start(
      t,
      req => void req.resume(),
      'upstreams: { slow: { targets: ["http://127.0.0.1:9"], headersTimeout: 200ms } }',
    )
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
    const response = await get(gateway, '/big', cookie)
    t.equal(response.status, 502)
    t.match(await response.json(), { code: 'upstream_failed' })
    const post = await get(gateway, '/big', cookie, { method: 'POST', body: 'x'.repeat(100_000) })
    t.equal(post.status, 502, 'also for a request with a body')
  },
)
