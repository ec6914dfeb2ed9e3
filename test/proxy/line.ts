import { createHash } from 'node:crypto'
import { type EventEmitter, once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type Duplex, PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { type AnswerHandler, type Connection, Line, type Message } from '../../src/proxy/line.ts'
import { requestHead, type UpstreamRequest } from '../../src/proxy/upstream-request.ts'
import { ok } from '../fixtures/raw-upstream.ts'
import { until } from '../fixtures/until.ts'

type Test = { teardown(fn: () => unknown): void }

const listeners = (emitter: EventEmitter): Record<string, number> =>
  Object.fromEntries(emitter.eventNames().map(name => [String(name), emitter.listenerCount(name)]))

const named = (error: Error | undefined): string =>
  error === undefined ? '' : ` ${'code' in error ? error.code : error.message}`

/**
 * A line and the other end of its connection. `log` holds what the line tells its owner and its handlers, in
 * order; `arrived` is the text that came over.
 */
const open = async (t: Test) => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const accepting: Promise<Socket[]> = once(server, 'connection')
  const near = connect({ port: address.port, host: '127.0.0.1' })
  const [[far]] = await Promise.all([accepting, once(near, 'connect')])
  server.close()
  if (far === undefined) throw new Error('no connection')
  t.teardown(() => {
    near.destroy()
    far.destroy()
  })
  let arrived = ''
  let ended = false
  far.on('error', () => undefined)
  far.on('end', () => {
    ended = true
  })
  far.on('close', () => {
    ended = true
  })
  far.setEncoding('latin1').on('data', data => {
    arrived += data
  })
  const before = listeners(near)
  const log: string[] = []
  const lost: (Error | undefined)[] = []
  const missed: Message[] = []
  const line = new Line(near, {
    freed: () => void log.push('freed'),
    lost: (which, error) => {
      if (which !== line) throw new Error('another line')
      lost.push(error)
      log.push(`lost${named(error)}`)
    },
    missed: message => {
      missed.push(message)
      log.push('missed')
    },
  })

  /** A message, and what becomes of it; what `more` has of the handler is called as well. */
  const message = (request: Partial<UpstreamRequest> = {}, more: Partial<AnswerHandler> = {}) => {
    const whole = { method: 'GET', path: '/', headers: ['host', 'x'], body: null, ...request }
    const state = {
      body: '',
      headers: [] as string[],
      error: undefined as Error | undefined,
      upstream: undefined as Duplex | undefined,
    }
    const handler: AnswerHandler = {
      onConnect(connection, reused) {
        log.push(`connect ${reused}`)
        more.onConnect?.(connection, reused)
      },
      onBodySent: () => void log.push('sent'),
      onHeaders(status, headers, statusText) {
        log.push(`headers ${status} ${statusText}`)
        state.headers = headers
        more.onHeaders?.(status, headers, statusText)
      },
      onData(chunk) {
        state.body += chunk.toString('latin1')
        if (more.onData !== undefined) return more.onData(chunk)
        log.push('data')
        return true
      },
      onComplete() {
        log.push('complete')
        more.onComplete?.()
      },
      onUpgrade(headers, upstream) {
        log.push('upgrade')
        state.headers = headers
        state.upstream = upstream
        more.onUpgrade?.(headers, upstream)
      },
      onError(error) {
        log.push(`error${named(error)}`)
        state.error = error
      },
    }
    return { state, message: { request: whole, head: requestHead(whole), handler } }
  }
  /** Sends a request at once. */
  const send = (request?: Partial<UpstreamRequest>, more?: Partial<AnswerHandler>) => {
    const made = message(request, more)
    line.send(made.message)
    return made.state
  }
  return {
    ...{ line, near, far, log, lost, missed, message, send, before },
    arrived: () => arrived,
    ended: () => ended,
  }
}

const get = 'GET / HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n'

t.test('a line serves one request after the other', async t => {
  const { line, far, near, log, message, send, arrived, ended } = await open(t)
  const first = send()
  t.equal(line.served, 1)
  await until(() => arrived() === get)
  far.write('HTTP/1.1 200 Fine\r\nX-One: a\r\ncontent-length: 5\r\n\r\nfirst')
  await until(() => log.includes('freed'))
  t.strictSame(log, ['connect false', 'headers 200 Fine', 'data', 'complete', 'freed'])
  t.strictSame(first.headers, ['X-One', 'a', 'content-length', '5'])
  t.equal(first.body, 'first')

  log.length = 0
  const second = message({ method: 'POST', body: Buffer.from('body') })
  line.take(second.message)
  t.strictSame(log, [], 'it is sent when the turn is over')
  await until(() => arrived().endsWith('\r\n\r\nbody'))
  t.equal(
    arrived(),
    `${get}POST / HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\ncontent-length: 4\r\n\r\nbody`,
  )
  far.write('HTTP/1.1 204 No Content\r\n\r\n')
  await until(() => log.includes('freed'))
  t.strictSame(log, ['connect true', 'headers 204 No Content', 'complete', 'freed'])

  log.length = 0
  const body = new PassThrough()
  const third = message({ method: 'PUT', body, headers: ['host', 'x', 'content-length', '8'] })
  line.take(third.message)
  body.end('streamed')
  await until(() => arrived().endsWith('content-length: 8\r\n\r\nstreamed'))
  far.write(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n',
  )
  await until(() => log.includes('freed'))
  t.strictSame(log, ['connect true', 'sent', 'headers 200 OK', 'data', 'data', 'complete', 'freed'])
  t.equal(third.state.body, 'onetwo')
  t.equal(line.served, 3)
  t.notOk(ended())
  t.notOk(near.destroyed)
})

t.test('what comes before the answer is told, and is not the answer', async t => {
  const { far, log, send } = await open(t)
  send()
  far.write('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')
  far.write(ok('yes'))
  await until(() => log.includes('freed'))
  t.strictSame(log, [
    ...['connect false', 'headers 102 Processing', 'headers 103 Early Hints'],
    ...['headers 200 OK', 'data', 'complete', 'freed'],
  ])
})

t.test('how long the other side keeps it is known from the last answer', async t => {
  const { line, far, log, message, send, arrived } = await open(t)
  t.equal(line.idleTimeout, undefined)
  send()
  far.write('HTTP/1.1 103 Early\r\nkeep-alive: timeout=9\r\n\r\n')
  far.write('HTTP/1.1 204 OK\r\nkeep-alive: timeout=7\r\n\r\n')
  await until(() => log.includes('freed'))
  t.equal(line.idleTimeout, 7)
  log.length = 0
  line.take(message().message)
  await until(() => arrived() === get + get)
  far.write('HTTP/1.1 103 Early\r\nkeep-alive: timeout=9\r\n\r\n')
  await until(() => log.includes('headers 103 Early'))
  far.write('HTTP/1.1 204 OK\r\n\r\n')
  await until(() => log.includes('freed'))
  t.equal(line.idleTimeout, undefined)
})

t.test('what is given up before it is sent is not sent, not one byte of it', async t => {
  for (const later of [false, true]) {
    for (const kind of ['none', 'buffer', 'stream']) {
      const { line, far, near, log, message, arrived, ended, lost } = await open(t)
      const stream = new PassThrough()
      stream.write('ready')
      const body = { none: null, buffer: Buffer.from('x'), stream }[kind] ?? null
      const given = message(
        { method: 'POST', body },
        { onConnect: connection => connection.abort(given.message.handler) },
      )
      if (later) line.take(given.message)
      else line.send(given.message)
      await until(ended)
      t.equal(arrived(), '', kind)
      t.equal(near.bytesWritten, 0)
      t.ok(near.destroyed)
      t.strictSame(log, ['connect false', 'lost'])
      t.strictSame(lost, [undefined])
      if (kind === 'stream') t.ok(stream.destroyed)
      far.destroy()
    }
  }
})

t.test('what is given up midway closes the connection, and nothing more is heard', async t => {
  for (const when of ['before', 'headers', 'data']) {
    const { line, far, near, log, message, arrived, ended } = await open(t)
    const body = new PassThrough()
    const abort = (): void => line.abort(given.message.handler)
    const given = message(
      { method: 'POST', body },
      {
        onHeaders: () => when === 'headers' && abort(),
        onData(chunk) {
          log.push(`data ${chunk}`)
          if (when === 'data') abort()
          return true
        },
      },
    )
    line.send(given.message)
    body.write('ab')
    await until(() => arrived().endsWith('2\r\nab\r\n'))
    if (when === 'before') abort()
    else {
      const chunks = '3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n'
      far.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`)
    }
    await until(ended)
    await nextTurn()
    const all = ['connect false', 'sent', 'headers 200 OK', 'lost']
    if (when === 'before') all.splice(2, 1)
    if (when === 'data') all.splice(3, 0, 'data one')
    t.strictSame(log, all, when)
    t.ok(near.destroyed)
    t.ok(body.destroyed)
    t.equal(given.state.error, undefined)
    t.notMatch(arrived(), /0\r\n\r\n$/)
  }
})

t.test('an answer before all was sent is the answer, and the last one', async t => {
  const { far, near, log, send, arrived, ended } = await open(t)
  const body = new PassThrough()
  const state = send({ method: 'POST', body, headers: ['host', 'x', 'content-length', '100'] })
  body.write('beginning')
  await until(() => arrived().endsWith('beginning'))
  far.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n')
  await until(() => log.includes('headers 413 Too Large'))
  t.notOk(body.destroyed, 'it may still want the rest')
  body.write(', more')
  await until(() => arrived().endsWith('beginning, more'))
  far.write('no')
  await until(ended)
  await nextTurn()
  t.strictSame(log, [
    ...['connect false', 'sent', 'headers 413 Too Large', 'sent', 'data', 'complete', 'lost'],
  ])
  t.equal(state.body, 'no')
  t.ok(near.destroyed)
  t.ok(body.destroyed)
})

t.test('some answers are the last of their connection', async t => {
  const answers: Record<string, string> = {
    'of HTTP/1.0': 'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 3\r\n\r\nyes',
    'says so': 'HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 3\r\n\r\nyes',
    'in a list': 'HTTP/1.1 200 OK\r\nConnection: x, close\r\ncontent-length: 3\r\n\r\nyes',
    'in chunks':
      'HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n',
    'until it is closed': 'HTTP/1.1 200 OK\r\n\r\nyes',
    'until it is closed, of HTTP/1.0': 'HTTP/1.0 200 OK\r\n\r\nyes',
  }
  for (const [name, answer] of Object.entries(answers)) {
    const { far, near, log, send, ended } = await open(t)
    const state = send()
    far.write(answer)
    if (name.startsWith('until')) {
      await until(() => state.body === 'yes')
      t.notOk(log.includes('complete'), 'there could be more')
      far.end()
    }
    await until(ended)
    await nextTurn()
    t.strictSame(log, ['connect false', 'headers 200 OK', 'data', 'complete', 'lost'], name)
    t.equal(state.body, 'yes', name)
    t.ok(near.destroyed)
  }
})

t.test('some requests are the last of their connection', async t => {
  const requests: [Partial<UpstreamRequest>, string][] = [
    [{ method: 'HEAD' }, 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n'],
    [{ body: Buffer.from('x') }, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
    [{ reset: true }, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
    [{ upgrade: 'websocket' }, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ]
  for (const [request, answer] of requests) {
    const { far, near, log, send, ended } = await open(t)
    send(request)
    far.write(answer)
    await until(ended)
    await nextTurn()
    t.strictSame(log, ['connect false', 'headers 200 OK', 'complete', 'lost'])
    t.ok(near.destroyed)
  }
})

t.test('a connection that ends in an answer, or before it, fails the request', async t => {
  const beginnings = [
    ...['', 'HTTP/1.1 200', 'HTTP/1.1 103 Early\r\n\r\n'],
    'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nyes',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n',
  ]
  for (const beginning of beginnings) {
    const { far, log, send, ended, lost } = await open(t)
    const state = send()
    far.end(beginning)
    await until(ended)
    await nextTurn()
    t.match(state.error, { code: 'LINE_CLOSED' }, beginning)
    t.equal(lost[0], state.error)
    t.strictSame(log.slice(-2), ['lost LINE_CLOSED', 'error LINE_CLOSED'])
    t.notOk(log.includes('complete'))
  }

  const { near, far, log, send, arrived } = await open(t)
  const body = new PassThrough()
  const state = send({ method: 'POST', body })
  body.write('x')
  await until(() => arrived() !== '')
  far.resetAndDestroy()
  await until(() => state.error)
  t.match(state.error, { code: 'ECONNRESET' })
  t.ok(body.destroyed)
  await until(() => near.closed)
  t.equal(log.filter(entry => entry.startsWith('lost')).length, 1)
  t.equal(log.filter(entry => entry.startsWith('error')).length, 1)
})

t.test('a handler that takes no more stops the other side, until it resumes', async t => {
  const { line, far, near, log, message } = await open(t)
  const total = 64 * 1024 * 1024
  const portion = 64 * 1024
  const [made, got] = [createHash('sha256'), createHash('sha256')]
  let count = 0
  const again = (): void => line.resume(given.message.handler)
  let paused = true
  const given = message(
    {},
    {
      onData(chunk) {
        got.update(chunk)
        count += chunk.length
        if (!paused) setImmediate(again)
        return false
      },
    },
  )
  line.send(given.message)
  let written = 0
  far.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
  const fill = (): void => {
    while (written < total) {
      const chunk = Buffer.alloc(portion, `${written}.`)
      made.update(chunk)
      written += portion
      if (!far.write(chunk)) return
    }
  }
  far.on('drain', fill)
  fill()
  /** How often in a row there was nothing new. */
  let still = 0
  let seen = ''
  await until(() => {
    const now = `${near.bytesRead} ${written}`
    still = now === seen && count > 0 ? still + 1 : 0
    seen = now
    return still === 30
  })
  t.ok(near.isPaused())
  t.ok(count <= 64 * 1024, `${count} bytes were told`)
  t.ok(near.bytesRead < 1024 * 1024, `${near.bytesRead} bytes were read`)
  t.ok(far.writableLength > 0, 'the buffers between both ends are full')
  t.ok(written < total)
  t.notOk(log.includes('complete'))
  paused = false
  again()
  await until(() => log.includes('freed'))
  t.equal(count, total)
  t.equal(got.digest('hex'), made.digest('hex'), 'all of it arrives, in order')
  t.strictSame(log, ['connect false', 'headers 200 OK', 'complete', 'freed'])
})

t.test('a handler that stopped at the end of its answer stops no other one', async t => {
  const { far, near, line, log, send, message, arrived } = await open(t)
  send({}, { onData: () => false })
  far.write(ok('yes'))
  await until(() => log.includes('freed'))
  t.notOk(near.isPaused())
  const next = message()
  line.take(next.message)
  await until(() => arrived() === get + get)
  far.write(ok('again'))
  await until(() => next.state.body === 'again')
})

t.test('a handler that throws fails its request and closes the connection', async t => {
  for (const where of ['onHeaders', 'onData'] as const) {
    const { far, near, log, send, ended, lost } = await open(t)
    const body = new PassThrough()
    const thrown = new Error('thrown')
    const state = send(
      { method: 'POST', body },
      {
        [where]: () => {
          throw thrown
        },
      },
    )
    body.write('x')
    far.write(ok('yes'))
    await until(ended)
    await nextTurn()
    t.equal(state.error, thrown, where)
    t.equal(log.filter(entry => entry.startsWith('error')).length, 1)
    t.notOk(log.includes('complete'))
    t.equal(lost.length, 1)
    t.ok(near.destroyed)
    t.ok(body.destroyed)
  }
})

t.test('what is no answer ends the connection', async t => {
  const answers: Record<string, string> = {
    'a 100': 'HTTP/1.1 100 Continue\r\n\r\n',
    'a 100 before the answer': `HTTP/1.1 100 Continue\r\n\r\n${ok('yes')}`,
    'a 101': 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx',
    text: 'SSH-2.0-x\r\n',
  }
  for (const [name, answer] of Object.entries(answers)) {
    const { far, near, log, send, ended, lost } = await open(t)
    const state = send()
    far.write(answer)
    await until(ended)
    await nextTurn()
    t.match(state.error, { code: 'LINE_MALFORMED' }, name)
    t.equal(lost[0], state.error)
    t.strictSame(log, ['connect false', 'lost LINE_MALFORMED', 'error LINE_MALFORMED'])
    t.ok(near.destroyed)
  }
  const { far, send } = await open(t)
  const state = send({ upgrade: 'websocket' })
  far.write('HTTP/1.1 100 Continue\r\n\r\n')
  await until(() => state.error)
  t.match(state.error, { code: 'LINE_MALFORMED' }, 'a switch does not begin with a 100 either')
})

t.test('a switch that its handler cannot take is no answer', async t => {
  const { line, far, message } = await open(t)
  const made = message({ upgrade: 'websocket' })
  const { onUpgrade: _, ...handler } = made.message.handler
  line.send({ ...made.message, handler })
  far.write('HTTP/1.1 101 Switching\r\n\r\nfirst')
  await until(() => made.state.error)
  t.match(made.state.error, { code: 'LINE_MALFORMED' })
})

t.test('a switch hands over the connection as it is', async t => {
  for (const together of [true, false]) {
    const { far, near, log, send, before, arrived, lost } = await open(t)
    let atOnce: Record<string, number> = {}
    const state = send(
      { upgrade: 'websocket' },
      {
        onUpgrade: () => {
          atOnce = listeners(near)
        },
      },
    )
    await until(() => arrived().endsWith('\r\n\r\n'))
    t.match(arrived(), 'connection: upgrade\r\nupgrade: websocket\r\n')
    const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'
    far.write(head + (together ? 'first ' : ''))
    await until(() => log.includes('upgrade'))
    t.strictSame(log, ['connect false', 'lost', 'upgrade'])
    t.strictSame(lost, [undefined])
    t.strictSame(state.headers, ['Upgrade', 'websocket'])
    t.equal(state.upstream, near)
    t.strictSame(atOnce, before, 'no listener is left')
    t.notOk(near.destroyed)
    far.write(together ? 'second ' : 'first second ')
    for (let i = 0; i < 5; i++) await nextTurn()
    let read = ''
    near.setEncoding('latin1').on('data', data => {
      read += data
    })
    near.resume()
    far.write('third')
    await until(() => read.endsWith('third'))
    t.equal(read, 'first second third')
    const sent = arrived().length
    near.write('back')
    await until(() => arrived().slice(sent) === 'back')
    far.end()
    await once(near, 'close')
    t.equal(log.length, 3, 'the line has nothing to do with it any more')
    t.equal(state.error, undefined)
  }
})

t.test('bytes behind an answer end the connection, not the request', async t => {
  for (const answer of [ok('yes'), 'HTTP/1.1 204 OK\r\n\r\n']) {
    for (const behind of ['x', '\r\n', ok('for the next')]) {
      const { far, near, log, send, ended, lost } = await open(t)
      const state = send()
      far.write(answer + behind)
      await until(ended)
      await nextTurn()
      t.strictSame(log.slice(-2), ['complete', 'lost LINE_UNASKED'])
      t.notOk(log.includes('freed'), 'nothing is sent over it again')
      t.equal(state.error, undefined)
      t.notMatch(state.body, 'for the next')
      t.match(lost, [{ code: 'LINE_UNASKED' }])
      t.equal(lost.length, 1)
      t.ok(near.destroyed)
    }
  }

  const { far, log, send, ended } = await open(t)
  send()
  far.write(ok('yes'))
  await until(() => log.includes('freed'))
  far.write(ok('for the next'))
  await until(ended)
  await nextTurn()
  t.strictSame(log.slice(-3), ['complete', 'freed', 'lost LINE_UNASKED'], 'nor later ones')
})

t.test('what has come by the end of a turn is seen before the next request is sent', async t => {
  const { far, line, log, send, message, missed, arrived } = await open(t)
  send()
  far.write(ok('yes'))
  await until(() => log.includes('freed'))
  const next = message()
  // From a timer: the loop looks for what has come between this and the end of the turn.
  await new Promise(resolve => setTimeout(resolve, 0))
  far.write(ok('for the next'))
  line.take(next.message)
  await until(() => log.includes('missed'))
  t.strictSame(log.slice(-2), ['lost LINE_UNASKED', 'missed'])
  t.equal(missed[0], next.message)
  t.equal(arrived(), get, 'it was sent once')
})

t.test('a line that is closed before the end of the turn gives its message back', async t => {
  for (const how of ['closed', 'reset']) {
    const { line, near, far, log, send, message, missed, arrived, ended } = await open(t)
    send()
    far.write(ok('yes'))
    await until(() => log.includes('freed'))
    log.length = 0
    const body = new PassThrough()
    const next = message({ method: 'POST', body })
    body.end('body')
    line.take(next.message)
    if (how === 'closed') line.close(new Error('for a request that is under way'))
    else near.destroy(new Error('reset'))
    t.equal(missed.length, 0)
    await until(() => missed.length > 0)
    await until(ended)
    t.strictSame(log, [how === 'closed' ? 'lost' : 'lost reset', 'missed'])
    t.equal(missed.length, 1)
    t.equal(missed[0], next.message)
    t.equal(arrived(), get)
    t.notOk(body.destroyed)
    t.equal(body.readableLength, 4, 'all of the body is there')
    t.equal(body.listenerCount('data'), 0)
  }
})

t.test('closing tells whoever waits, once', async t => {
  const { line, near, log, send, lost } = await open(t)
  const state = send()
  const [reason, cause] = [new Error('reason'), new Error('cause')]
  line.close(reason, cause)
  line.close(new Error('again'))
  await until(() => near.closed)
  t.equal(state.error, reason)
  t.strictSame(lost, [cause])
  t.strictSame(log, ['connect false', 'lost cause', 'error reason'])
})

t.test('what a request asks of its connection when it is over, it asks in vain', async t => {
  const { line, far, near, log, message, arrived } = await open(t)
  let first: Connection | undefined
  const keep = (connection: Connection): void => {
    first = connection
  }
  const one = message({}, { onConnect: keep })
  line.send(one.message)
  far.write(ok('yes'))
  await until(() => log.includes('freed'))
  log.length = 0
  const two = message({}, { onData: () => false })
  line.take(two.message)
  await until(() => arrived() === get + get)
  far.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab')
  await until(() => near.isPaused())
  first?.resume(one.message.handler)
  t.ok(near.isPaused(), 'the pause is that of another request')
  first?.abort(one.message.handler)
  t.notOk(near.destroyed)
  line.resume(two.message.handler)
  far.write('cd')
  await until(() => two.state.body === 'abcd')
  t.notOk(log.includes('lost'))
})

t.test('a body that broke off while the request waited fails it at once', async t => {
  for (const reason of [new Error('too late'), undefined]) {
    const { line, far, near, log, send, message, arrived, ended } = await open(t)
    send()
    far.write(ok('yes'))
    await until(() => log.includes('freed'))
    log.length = 0
    const body = new PassThrough()
    body.on('error', () => undefined)
    const next = message({ method: 'POST', body })
    line.take(next.message)
    body.destroy(reason)
    await until(ended)
    t.ok(near.destroyed)
    if (reason !== undefined) t.equal(next.state.error, reason)
    else t.match(next.state.error, { code: 'LINE_REFUSED' })
    t.strictSame(log.slice(0, 2), ['connect true', 'lost'])
    t.equal(arrived(), get, 'nothing of it was sent')
  }
})

t.test('what comes before anything was sent is no answer', async t => {
  const { far, log, send, ended, lost } = await open(t)
  const body = new PassThrough()
  const state = send({ method: 'POST', body })
  far.write('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
  await until(ended)
  t.match(state.error, { code: 'LINE_UNASKED' })
  t.equal(lost[0], state.error)
  t.strictSame(log, ['connect false', 'lost LINE_UNASKED', 'error LINE_UNASKED'])
  t.ok(body.destroyed)
})

t.test('a connection that has not taken all of a request serves no other', async t => {
  const { far, near, log, send, ended } = await open(t)
  far.pause()
  send({ method: 'POST', body: Buffer.alloc(32 * 1024 * 1024) })
  t.ok(near.writableLength > 0)
  far.write('HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n')
  await until(() => near.destroyed)
  t.strictSame(log, ['connect false', 'headers 413 No', 'complete', 'lost'])
  far.resume()
  await until(ended)
})
