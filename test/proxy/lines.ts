import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import t from 'tap'
import type { AnswerHandler } from '../../src/proxy/line.ts'
import { Lines, type LinesOptions } from '../../src/proxy/lines.ts'
import type { UpstreamRequest } from '../../src/proxy/upstream-request.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { ok, startRawUpstream } from '../fixtures/raw-upstream.ts'
import { freePort } from '../fixtures/redis.ts'
import { shortDir } from '../fixtures/short-dir.ts'
import { until } from '../fixtures/until.ts'

type Test = { teardown(fn: () => unknown): void }

const portOf = (server: Server): number => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const start = async (t: Test) => {
  const answers: ServerResponse[] = []
  const sockets: Socket[] = []
  const server = createServer((_req: IncomingMessage, res) => void answers.push(res))
  server.on('connection', socket => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { port: address.port, answers, sockets }
}

const open = (t: Test, port: number) => {
  const lost: Error[] = []
  const lines = new Lines({
    origin: `http://127.0.0.1:${port}`,
    socketPath: undefined,
    timeout: 2000,
    tls: {},
    lost: error => void lost.push(error),
  })
  t.teardown(() => lines.destroy())
  /** Sends a request; `done` says how it ended. */
  const ask = (path = '/') => {
    const asked: { done?: 'answered' | Error } = {}
    const handler: AnswerHandler = {
      onConnect: () => undefined,
      onHeaders: () => undefined,
      onData: () => true,
      onComplete: () => {
        asked.done = 'answered'
      },
      onError: error => {
        asked.done = error
      },
    }
    lines.dispatch({ path, method: 'GET', headers: ['host', 'x'], body: null }, handler)
    return asked
  }
  return { lines, ask, lost }
}

t.test('each request has a connection of its own, the one that was used last first', async t => {
  const { port, answers, sockets } = await start(t)
  const { lines, ask } = open(t, port)
  const [one, two] = [ask(), ask()]
  await until(() => answers.length === 2)
  t.equal(sockets.length, 2)
  answers[1]?.end()
  await until(() => (one.done ?? two.done) === 'answered')
  answers[0]?.end()
  await until(() => one.done === 'answered' && two.done === 'answered')
  const last = answers[0]?.req.socket
  for (let i = 2; i < 5; i++) {
    const next = ask()
    await until(() => answers.length === i + 1)
    t.equal(answers[i]?.req.socket, last)
    answers[i]?.end()
    await until(() => next.done === 'answered')
  }
  t.equal(lines.size, 2)
  t.equal(sockets.length, 2)
})

t.test('a connection that ends while it is free is forgotten, and another is opened', async t => {
  const { port, answers, sockets } = await start(t)
  const { lines, ask, lost } = open(t, port)
  const first = ask()
  await until(() => answers.length === 1)
  answers[0]?.end()
  await until(() => first.done === 'answered')
  sockets[0]?.destroy()
  await until(() => lines.size === 0)
  t.equal(lost.length, 1)
  const second = ask()
  await until(() => answers.length === 2)
  answers[1]?.end()
  await until(() => second.done === 'answered')
  t.equal(lines.size, 1)
})

t.test('one that ends under a request fails that request alone', async t => {
  const { port, answers } = await start(t)
  const { lines, ask } = open(t, port)
  const [one, two] = [ask('/one'), ask('/two')]
  await until(() => answers.length === 2)
  answers.find(({ req }) => req.url === '/one')?.req.socket.destroy()
  await until(() => one.done !== undefined)
  t.match(one.done, { code: 'LINE_CLOSED' })
  t.equal(two.done, undefined)
  await until(() => lines.size === 1)
  answers.find(({ req }) => req.url === '/two')?.end()
  await until(() => two.done === 'answered')
})

t.test('what cannot be reached leaves nothing behind', async t => {
  const { lines, ask } = open(t, await freePort())
  const asked = Array.from({ length: 20 }, () => ask())
  await until(() => asked.every(({ done }) => done !== undefined))
  t.ok(asked.every(({ done }) => done instanceof Error && 'code' in done))
  await until(() => lines.size === 0)
})

t.test('what cannot be sent takes no connection', async t => {
  const { port, answers } = await start(t)
  const { lines, ask } = open(t, port)
  const first = ask()
  await until(() => answers.length === 1)
  answers[0]?.end()
  await until(() => first.done === 'answered')
  for (let i = 0; i < 3; i++) t.match(ask('no path').done, { code: 'LINE_REFUSED' })
  t.equal(lines.size, 1)
  const next = [ask(), ask()]
  await until(() => answers.length === 3)
  for (const answer of answers) answer.end()
  await until(() => next.every(({ done }) => done === 'answered'))
  t.equal(lines.size, 2, 'it was free once, not four times')
})

t.test('destroying waits for nothing', async t => {
  const { port, answers } = await start(t)
  const { lines, ask } = open(t, port)
  const cut = ask()
  await until(() => answers.length === 1)
  lines.destroy()
  await until(() => cut.done instanceof Error)
  t.equal(lines.size, 0)
  t.match(ask().done, { code: 'LINE_ENDED' }, 'nothing is begun any more')
  t.equal(lines.size, 0)
})

const get = { method: 'GET', path: '/', headers: ['host', 'x'], body: null }

/** Connections to `origin`; `ask` sends a request, `state` tells what became of it. */
const linesTo = (t: Test, origin: string, more: Partial<LinesOptions> = {}) => {
  const lines = new Lines({
    ...{ origin, socketPath: undefined, timeout: 2000, tls: {}, lost: () => undefined },
    ...more,
  })
  t.teardown(() => lines.destroy())
  const ask = (request: Partial<UpstreamRequest> = {}) => {
    const state = {
      /** Of each connection that it was sent over: whether that had served before. */
      reused: [] as boolean[],
      body: '',
      done: undefined as 'answered' | Error | undefined,
    }
    lines.dispatch(
      { ...get, ...request },
      {
        onConnect: (_, reused) => void state.reused.push(reused),
        onHeaders: () => undefined,
        onData(chunk) {
          state.body += chunk.toString('latin1')
          return true
        },
        onComplete() {
          state.done = 'answered'
        },
        onError(error) {
          state.done = error
        },
      },
    )
    return state
  }
  return { lines, ask }
}

/** One that has answered a request, and is free again. */
const warm = async (t: Test, port: number) => {
  const opened = linesTo(t, `http://127.0.0.1:${port}`)
  const first = opened.ask()
  await until(() => first.done === 'answered')
  // The connection is free with the end of the turn; from a timer, the loop looks for what comes before it sends.
  await new Promise(resolve => setTimeout(resolve, 0))
  return opened
}

t.test('a request goes elsewhere if its connection ends before it is sent', async t => {
  const stream = () => {
    const body = new PassThrough()
    body.end('streamed')
    return body
  }
  const requests: [Partial<UpstreamRequest>, string][] = [
    [{}, ''],
    [{ method: 'POST' }, ''],
    [{ method: 'POST', body: Buffer.from('buffered') }, 'buffered'],
    [{ method: 'POST', body: stream(), headers: ['host', 'x', 'content-length', '8'] }, 'streamed'],
    [{ method: 'POST', body: stream() }, '8\r\nstreamed\r\n0\r\n\r\n'],
  ]
  for (const [request, body] of requests) {
    const sockets: Socket[] = []
    let received = ''
    const server = createTcpServer(socket => {
      sockets.push(socket)
      socket.on('error', () => undefined)
      socket.setEncoding('latin1').on('data', data => {
        received += data
        const whole = received.indexOf('\r\n\r\n') + 4 + body.length
        if (sockets.length === 1 || received.length === whole) socket.write(ok('yes'))
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { ask, lines } = await warm(t, portOf(server))
    received = ''
    sockets[0]?.destroy()
    const asked = ask(request)
    t.equal(lines.size, 1, 'the connection seems to be free')
    await until(() => asked.done)
    t.equal(asked.done, 'answered')
    t.equal(asked.body, 'yes')
    t.strictSame(asked.reused, [false])
    t.equal(sockets.length, 2)
    t.equal(received.slice(received.indexOf('\r\n\r\n') + 4), body)
    t.equal(lines.size, body.startsWith('8') ? 0 : 1, 'chunks end their connection')
  }
})

t.test('a connection is closed two seconds before the other side would', async t => {
  const answer = (how: string) => `HTTP/1.1 200 OK\r\n${how}content-length: 0\r\n\r\n`
  const upstream = await startRawUpstream(t, (socket, { header }) => {
    const timeout = header('x-timeout')
    socket.write(answer(timeout === undefined ? '' : `keep-alive: timeout=${timeout}\r\n`))
  })
  const opened = (timeout?: string) => {
    const { lines, ask } = linesTo(t, upstream.url)
    const headers = ['host', 'x', ...(timeout === undefined ? [] : ['x-timeout', timeout])]
    return { lines, ask: () => ask({ headers }) }
  }
  const began = performance.now()
  const [silent, longer, short] = [opened(), opened('60'), opened('5')]
  const asked = [silent, longer, short].map(({ ask }) => ask())
  await until(() => asked.every(({ done }) => done === 'answered'))
  const freed = performance.now()
  const again = short.ask()
  await until(() => again.done === 'answered')
  if (performance.now() - began < 3000) t.strictSame(again.reused, [true], 'it was in time')

  for (const timeout of ['2', '1', '0']) {
    const before = upstream.connections()
    const { lines, ask } = opened(timeout)
    for (let i = 1; i <= 2; i++) {
      const one = ask()
      await until(() => one.done === 'answered' && lines.size === 0)
      t.strictSame(one.reused, [false], `timeout=${timeout}`)
      t.equal(upstream.connections(), before + i)
    }
  }

  await until(() => short.lines.size === 0)
  const waited = performance.now() - freed
  t.ok(waited >= 3000, `after ${waited} ms`)
  t.equal(longer.lines.size, 1)
  if (performance.now() - began < 4000) t.equal(silent.lines.size, 1, 'four seconds otherwise')
  const next = [longer.ask(), short.ask()]
  await until(() => next.every(({ done }) => done === 'answered'))
  t.strictSame(
    next.map(({ reused }) => reused),
    [[true], [false]],
  )
})

t.test('destroying fails what is under way, and what has not been sent yet', async t => {
  const upstream = await startRawUpstream(t, (socket, { line }) => {
    if (line.startsWith('GET / ')) socket.write(ok('yes'))
    else if (line.startsWith('GET /half')) socket.write('HTTP/1.1 200 OK\r\n\r\nhalf')
  })
  const { lines, ask } = await warm(t, upstream.port)
  const [waiting, half] = [ask({ path: '/waiting' }), ask({ path: '/half' })]
  await until(() => half.body === 'half' && upstream.requests.length === 3)
  const free = ask()
  await until(() => free.done === 'answered')
  await new Promise(resolve => setTimeout(resolve, 0))
  t.equal(lines.size, 3)
  const [taken, made] = [ask({ path: '/taken' }), ask({ path: '/made' })]
  t.equal(lines.size, 4)
  lines.destroy()
  t.match([waiting.done, half.done], [{ code: 'LINE_ENDED' }, { code: 'LINE_ENDED' }])
  await until(() => taken.done && made.done)
  t.match([taken.done, made.done], [{ code: 'LINE_ENDED' }, { code: 'LINE_ENDED' }])
  t.strictSame([taken.reused, made.reused], [[], []], 'nothing of them was sent')
  t.equal(lines.size, 0)
  await until(() => upstream.open() === 0)
  t.equal(upstream.requests.length, 4)
  t.match(ask().done, { code: 'LINE_ENDED' })
})

t.test('a target is known by its certificate, before anything is sent', async t => {
  const dir = await shortDir(t)
  const authority = createAuthority(dir)
  const { cert, key } = authority.sign('localhost', 'DNS:localhost,IP:127.0.0.1')
  const received: string[] = []
  const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, socket => {
    socket.on('error', () => undefined)
    socket.setEncoding('latin1').on('data', data => {
      received.push(data)
      socket.write(ok('secret'))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const ca = readFileSync(authority.ca.cert)
  const stranger = readFileSync(authority.selfSigned('stranger', '/CN=stranger').cert)
  const origin = `https://127.0.0.1:${portOf(server)}`

  const { lines, ask } = linesTo(t, origin, { tls: { ca } })
  for (const reused of [false, true]) {
    const asked = ask()
    await until(() => asked.done)
    t.equal(asked.done, 'answered')
    t.equal(asked.body, 'secret')
    t.strictSame(asked.reused, [reused])
    await new Promise(setImmediate)
  }
  t.equal(lines.size, 1)
  t.equal(received.length, 2)

  for (const tls of [{}, { ca: stranger }]) {
    const unknown = linesTo(t, origin, { tls })
    const asked = unknown.ask({ method: 'POST', body: Buffer.from('secret') })
    await until(() => asked.done)
    t.match(asked.done, { code: /^(UNABLE_TO_|SELF_SIGNED_)/ })
    t.strictSame(asked.reused, [])
    await until(() => unknown.lines.size === 0)
  }
  const wrong = authority.sign('elsewhere', 'DNS:elsewhere.example')
  server.setSecureContext({ cert: readFileSync(wrong.cert), key: readFileSync(wrong.key) })
  const elsewhere = linesTo(t, origin, { tls: { ca } })
  const asked = elsewhere.ask()
  await until(() => asked.done)
  t.match(asked.done, { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  t.strictSame(asked.reused, [])
  t.equal(received.length, 2, 'none of it was sent')
})

t.test('a target has an address of IPv6', async t => {
  const server = createServer((_req, res) => void res.end('yes')).listen(0, '::1')
  const listening = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  if (!listening) return t.comment('there is none here')
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  const { ask } = linesTo(t, `http://[::1]:${portOf(server)}`)
  const asked = ask()
  await until(() => asked.done)
  t.equal(asked.done, 'answered')
  t.equal(asked.body, 'yes')
})

t.test('a target is a unix socket', async t => {
  const socketPath = join(await shortDir(t), 'upstream.sock')
  const upstream = await startRawUpstream(t, socket => socket.write(ok('yes')), socketPath)
  const { lines, ask } = linesTo(t, 'http://localhost', { socketPath })
  for (const reused of [false, true]) {
    const asked = ask({ headers: ['host', 'orders.example'] })
    await until(() => asked.done)
    t.equal(asked.done, 'answered')
    t.equal(asked.body, 'yes')
    t.strictSame(asked.reused, [reused])
    await new Promise(setImmediate)
  }
  t.equal(lines.size, 1)
  t.equal(upstream.requests[1]?.header('host'), 'orders.example')

  const nowhere = linesTo(t, 'http://localhost', { socketPath: `${socketPath}.not` })
  const asked = nowhere.ask()
  await until(() => asked.done)
  t.match(asked.done, { code: 'ENOENT' })
})

t.test('connections that are being made end with the rest', async t => {
  // It takes connections and never shakes hands.
  const silent = createTcpServer(() => undefined).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const { lines, ask } = linesTo(t, `https://127.0.0.1:${portOf(silent)}`, { timeout: 60_000 })
  const asked = ask()
  await until(() => lines.size === 1)
  lines.destroy()
  await until(() => asked.done !== undefined)
  t.match(asked.done, { code: 'LINE_ENDED' })
  t.equal(lines.size, 0)
})

t.test('a connection that cannot even be begun fails its request', async t => {
  const failing = linesTo(t, 'http://localhost', {
    // No connection is even tried to what is no path.
    socketPath: 7 as unknown as string,
  })
  const asked = failing.ask()
  await until(() => asked.done !== undefined)
  t.ok(asked.done instanceof Error)
  t.equal(failing.lines.size, 0)
})

t.test('a body that is slow to come holds no connection', async t => {
  const upstream = await startRawUpstream(t, socket => socket.write(ok('yes')))
  const { lines, ask } = linesTo(t, upstream.url)
  const body = new PassThrough()
  const headers = ['host', 'x', 'content-length', '4']
  const slow = ask({ method: 'POST', body, headers })
  const quick = ask()
  await until(() => quick.done)
  t.equal(lines.size, 1)
  t.equal(upstream.connections(), 1)
  body.end('slow')
  await until(() => slow.done)
  t.equal(slow.done, 'answered')
  t.strictSame(slow.reused, [true])
  t.match(upstream.requests.at(-1)?.text, /\r\n\r\nslow$/)

  const broken = new PassThrough()
  broken.on('error', () => undefined)
  const cut = ask({ method: 'POST', body: broken, headers })
  const reason = new Error('the client went away')
  broken.destroy(reason)
  await until(() => cut.done)
  t.equal(cut.done, reason)
  t.strictSame(cut.reused, [], 'nothing was begun for it')
})
