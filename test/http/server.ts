import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, createServer as createNetServer, type Socket } from 'node:net'
import t from 'tap'
import { createServer } from '../../src/http/server.ts'
import { failureOf } from '../../src/proxy/failure.ts'
import { requestBody } from '../../src/proxy/request-body.ts'
import { until } from '../fixtures/until.ts'
import { sendRaw } from '../fixtures/upstream.ts'

interface Test {
  teardown(fn: () => unknown): void
}

/** A server whose limits are short enough to wait for. */
const start = async (t: Test, handle: (req: IncomingMessage, res: ServerResponse) => void) => {
  const entry = {
    handle,
    upgrade: (_req: IncomingMessage, socket: Socket) => void socket.end('up'),
  }
  const server = createServer(
    () => ({ ...entry, upgrade: (req, socket) => entry.upgrade(req, socket as Socket) }),
    { headers: 300, body: 300, bodyBytes: 1000, reading: 300 },
  )
  const url = new URL(await server.listen('127.0.0.1:0'))
  t.teardown(() => server.drain({ linger: 0, patience: 0, sweep: () => undefined }))
  return Number(url.port)
}

/** Resolves with what came until the other side closed. */
const drainSocket = async (socket: Socket): Promise<string> => {
  let text = ''
  socket.on('error', () => undefined)
  socket.setEncoding('latin1').on('data', chunk => {
    text += chunk
  })
  // Not once(): a reset is an end like any other.
  await new Promise(resolve => socket.once('close', resolve))
  return text
}

const post = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n'

t.test('who sends no header block, or a byte now and then, gets 408 (RL-03)', async t => {
  const port = await start(t, (_req, res) => void res.end())
  const silent = connect(port, '127.0.0.1')
  const slow = connect(port, '127.0.0.1')
  const timer = setInterval(() => slow.writable && slow.write('X'), 20)
  t.teardown(() => clearInterval(timer))
  slow.write('GET / HTTP/1.1\r\nX-')
  const [one, other] = await Promise.all([drainSocket(silent), drainSocket(slow)])
  t.match(one, /^HTTP\/1\.1 408 /)
  t.match(other, /^HTTP\/1\.1 408 Request Timeout\r\ndate: [^\r]+ GMT\r\n/)
})

t.test('who sends no body, or a byte now and then, is cut (RL-03)', async t => {
  const port = await start(t, req => void req.resume())
  const silent = connect(port, '127.0.0.1')
  const slow = connect(port, '127.0.0.1')
  const timer = setInterval(() => slow.writable && slow.write('x'), 20)
  t.teardown(() => clearInterval(timer))
  silent.write(`${post}half`)
  slow.write(post)
  t.strictSame(await Promise.all([drainSocket(silent), drainSocket(slow)]), ['', ''])
})

t.test('who reads the body of such a client can say why (RL-03)', async t => {
  const port = await start(t, (req, res) => {
    const body = requestBody(req, 0)
    body?.on('error', error => {
      res.writeHead(408, { connection: 'close' }).end(failureOf(error))
    })
    body?.resume()
  })
  const socket = connect(port, '127.0.0.1')
  socket.write(`${post}half`)
  t.match(await drainSocket(socket), /^HTTP\/1\.1 408 [\s\S]*request_timeout/)
})

t.test('who does not read is cut', async t => {
  let cut = false
  const port = await start(t, (_req, res) => {
    res.on('close', () => {
      cut = true
    })
    const more = () => {
      while (res.write(Buffer.alloc(65_536)));
      res.once('drain', more)
    }
    more()
  })
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  socket.pause()
  await until(() => cut)
  t.pass('and its answer with it')
  socket.destroy()
})

t.test('time in which we do not read, and time for an answer, are not the client’s', async t => {
  const port = await start(t, (req, res) => {
    // Four times as long as either limit.
    setTimeout(() => {
      req.resume()
      req.on('end', () => res.end('done'))
    }, 1200)
  })
  const socket = connect(port, '127.0.0.1')
  socket.write(post + 'x'.repeat(100_000))
  const text = drainSocket(socket)
  await once(socket, 'data')
  socket.end()
  t.match(await text, /done$/)
})

t.test('an unknown expectation is none, and 100 is for the pipeline to send', async t => {
  const port = await start(t, (req, res) => void res.end(req.headers.expect))
  for (const expect of ['100-continue', 'the-unexpected']) {
    const text = await sendRaw(
      port,
      `GET / HTTP/1.1\r\nHost: localhost\r\nExpect: ${expect}\r\nConnection: close\r\n\r\n`,
    )
    t.match(text, /^HTTP\/1\.1 200 /)
    t.match(text, new RegExp(`${expect}$`))
  }
})

t.test('all header fields arrive, and doubled ones show that they are', async t => {
  const port = await start(t, (req, res) =>
    res.end(`${Object.keys(req.headers).length} ${req.headers.host}`),
  )
  const lines = Array.from({ length: 1500 }, (_, i) => `x${i}:\r\n`).join('')
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n'
  t.match(await sendRaw(port, `${head}${lines}\r\n`), /1502 a, b$/)
})

t.test(
  'what cannot be parsed is refused in one word, never in place of another answer',
  async t => {
    const waiting: ServerResponse[] = []
    const port = await start(t, (req, res) => {
      if (req.url === '/now') return void res.end('now')
      waiting.push(res)
      if (req.url === '/half') res.write('half')
    })
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
    t.match(await sendRaw(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*\r\ndate: /)
    t.match(await sendRaw(port, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 431 /)
    t.match(await sendRaw(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 400 /)
    t.match(
      await sendRaw(port, `${get('/now')}nonsense\r\n\r\n`),
      /now(?:HTTP\/1\.1 400 [\s\S]*)?$/,
    )
    t.equal(await sendRaw(port, `${get('/later')}nonsense\r\n\r\n`), '', 'under way: cut')
    t.notMatch(await sendRaw(port, `${get('/half')}nonsense\r\n\r\n`), '400')
    t.equal(waiting.length, 2)
  },
)

const ask = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

t.test('of requests sent at once each waits for the answer to the one before', async t => {
  const waiting: ServerResponse[] = []
  const port = await start(t, (_req, res) => void waiting.push(res))
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(ask('/1') + ask('/2') + ask('/3'))
  const answered = drainSocket(socket)
  for (let count = 1; count <= 3; count++) {
    await until(() => waiting.length === count)
    // What would come in disorder would have come by now: the three arrived together.
    await new Promise(setImmediate)
    t.equal(waiting.length, count)
    const res = waiting[count - 1]
    if (count === 3) res?.setHeader('connection', 'close')
    res?.end(res.req.url)
  }
  t.match(await answered, /\/1.*\/2.*\/3$/s)
})

t.test('who sends hundreds ahead is cut', async t => {
  let begun = 0
  const port = await start(t, () => void begun++)
  const socket = connect(port, '127.0.0.1')
  socket.write(ask('/').repeat(102))
  await drainSocket(socket)
  t.equal(begun, 1)
})

t.test('of requests sent at once none begins when the client is gone', async t => {
  const waiting: ServerResponse[] = []
  const port = await start(t, (_req, res) => void waiting.push(res))
  const socket = connect(port, '127.0.0.1')
  socket.write(ask('/1') + ask('/2'))
  await until(() => waiting.length === 1)
  const gone = once(waiting[0] ?? socket, 'close')
  socket.destroy()
  await gone
  await new Promise(setImmediate)
  t.same(
    waiting.map(({ req }) => req.url),
    ['/1'],
  )
})

t.test('an upgrade goes where upgrades go', async t => {
  const port = await start(t, (_req, res) => void res.end())
  const lines = 'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket'
  t.equal(await sendRaw(port, `GET / HTTP/1.1\r\n${lines}\r\n\r\n`), 'up')
})

t.test('connections that another server accepted are served, timed and drained alike', async t => {
  const waiting: ServerResponse[] = []
  const server = createServer(
    () => ({ handle: (_req, res) => void waiting.push(res), upgrade: () => undefined }),
    { headers: 300, body: 300, bodyBytes: 1000, reading: 300 },
  )
  const acceptor = createNetServer(server.adopting()).listen(0, '127.0.0.1')
  await once(acceptor, 'listening')
  t.teardown(() => acceptor.close())
  const address = acceptor.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const slow = connect(port, '127.0.0.1')
  slow.write('GET / HTTP/1.1\r\nX-')
  t.match(await drainSocket(slow), /^HTTP\/1\.1 408 /, 'RL-03')

  const client = connect(port, '127.0.0.1')
  const answer = drainSocket(client)
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => waiting.length === 1)
  let drained = false
  let sweeps = 0
  const sweep = () => {
    // What Node itself counts is none: the second sweep is later than its word that all is closed.
    if (++sweeps < 2 || waiting[0]?.writableEnded === true) return
    t.equal(drained, false, 'waits for the answer')
    waiting[0]?.end('late')
  }
  const drain = server.drain({ linger: 0, patience: 20_000, sweep }).then(() => {
    drained = true
  })
  t.match(await answer, /connection: close\r\n[\s\S]*late/i)
  await drain
})
