import { createHash } from 'node:crypto'
import { type EventEmitter, once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { Lines } from '../../src/proxy/lines.ts'
import { Upload } from '../../src/proxy/upload.ts'
import type { BodyFraming } from '../../src/proxy/upstream-request.ts'
import { ok } from '../fixtures/raw-upstream.ts'
import { until } from '../fixtures/until.ts'

type Test = { teardown(fn: () => unknown): void }

const text = 'POST / HTTP/1.1\r\nhost: x\r\n'
const chunkedHead = `${text}transfer-encoding: chunked\r\n\r\n`

/** Both ends of a connection; the second, which was accepted, does not read yet. */
const pair = async (t: Test): Promise<[Socket, Socket]> => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const accepting = once(server, 'connection')
  const near = connect({ port: address.port, host: '127.0.0.1' })
  const [[far]] = await Promise.all([accepting, once(near, 'connect')])
  server.close()
  t.teardown(() => {
    near.destroy()
    far.destroy()
  })
  near.on('error', () => undefined)
  far.on('error', () => undefined)
  return [near, far]
}

/** How many listeners there are of each kind. */
const listeners = (emitter: EventEmitter): Record<string, number> =>
  Object.fromEntries(emitter.eventNames().map(name => [String(name), emitter.listenerCount(name)]))

/** An upload over a connection of its own, and what has arrived of it. */
const begin = async (t: Test, framing: BodyFraming, body: Readable = new PassThrough()) => {
  const [near, far] = await pair(t)
  const arrived: Buffer[] = []
  far.on('data', (chunk: Buffer) => arrived.push(chunk)).resume()
  const before = { near: listeners(near), body: listeners(body) }
  const failures: Error[] = []
  let portions = 0
  const upload = new Upload({
    ...{ socket: near, head: { text, framing, last: false }, body },
    begun: () => undefined,
    sent: () => portions++,
    failed: error => void failures.push(error),
  })
  return {
    ...{ near, far, upload, failures, before },
    portions: () => portions,
    bytes: () => Buffer.concat(arrived),
    arrived: () => Buffer.concat(arrived).toString('latin1'),
  }
}

/** The body in `bytes`, which begins with its first chunk; throws where it is not whole. */
const unchunk = (bytes: Buffer): Buffer => {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at)
    const line = bytes.toString('latin1', at, end)
    if (end < 0 || !/^[0-9a-f]+$/.test(line)) throw new Error(`no size: ${line}`)
    const size = Number.parseInt(line, 16)
    const next = end + 2 + size
    if (bytes.toString('latin1', next, next + 2) !== '\r\n') throw new Error('no end of a chunk')
    if (size === 0 && next + 2 === bytes.length) return Buffer.concat(parts)
    if (size === 0) throw new Error('bytes behind the end')
    parts.push(bytes.subarray(end + 2, next))
    at = next + 2
  }
}

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
/** 1 MiB that is nowhere the same. */
const large = Buffer.concat(
  Array.from({ length: 32_768 }, (_, i) => createHash('sha256').update(String(i)).digest()),
)

t.test('a body of a known length arrives byte for byte', async t => {
  const body = new PassThrough()
  const length = 256 + large.length
  const { upload, near, bytes, failures, portions } = await begin(t, length, body)
  body.write(everyByte)
  await until(() => portions() > 0)
  t.equal(upload.complete, false)
  body.end(large)
  await until(() => upload.complete)
  const head = `${text}content-length: ${length}\r\n\r\n`
  await until(() => bytes().length >= head.length + length)
  near.end()
  t.ok(bytes().equals(Buffer.concat([Buffer.from(head), everyByte, large])))
  t.strictSame(failures, [])
})

t.test('a body of unknown length arrives byte for byte, in chunks', async t => {
  const body = new PassThrough()
  const { upload, far, near, bytes, failures } = await begin(t, 'chunked', body)
  body.write(everyByte)
  body.write(Buffer.from('\r\n0\r\n\r\n'))
  for (let at = 0; at < large.length; at += 70_001) body.write(large.subarray(at, at + 70_001))
  body.end()
  await until(() => upload.complete)
  near.end()
  await once(far, 'end')
  t.equal(bytes().toString('latin1', 0, chunkedHead.length), chunkedHead)
  t.ok(
    unchunk(bytes().subarray(chunkedHead.length)).equals(
      Buffer.concat([everyByte, Buffer.from('\r\n0\r\n\r\n'), large]),
    ),
  )
  t.strictSame(failures, [])
})

t.test('each portion leaves as it comes, as a chunk of its own', async t => {
  const body = new PassThrough()
  const { upload, arrived, portions } = await begin(t, 'chunked', body)
  body.write('hello')
  const first = `${chunkedHead}5\r\nhello\r\n`
  await until(() => arrived().length >= first.length)
  t.equal(arrived(), first)
  t.equal(portions(), 1)
  body.write('x'.repeat(26))
  const second = `${first}1a\r\n${'x'.repeat(26)}\r\n`
  await until(() => arrived().length >= second.length)
  t.equal(arrived(), second)
  t.equal(portions(), 2)
  t.notOk(upload.complete)
  body.end()
  await until(() => arrived().length >= second.length + 5)
  t.equal(arrived(), `${second}0\r\n\r\n`)
  t.equal(portions(), 2)
  t.ok(upload.complete)
})

t.test('an empty body that was to come in chunks is announced as empty', async t => {
  for (const framing of ['chunked', 0] as const) {
    const body = new PassThrough()
    const { upload, near, far, arrived, failures, portions } = await begin(t, framing, body)
    body.end()
    await until(() => upload.complete)
    near.end()
    await once(far, 'end')
    t.equal(arrived(), `${text}content-length: 0\r\n\r\n`)
    t.equal(portions(), 0)
    t.strictSame(failures, [])
  }
})

t.test('nothing at all is sent before the first byte of the body', async t => {
  for (const framing of ['chunked', 2] as const) {
    const body = new Readable({ read: () => undefined })
    const { near, arrived } = await begin(t, framing, body)
    body.emit('data', Buffer.alloc(0))
    for (let i = 0; i < 5; i++) await nextTurn()
    t.equal(near.bytesWritten, 0, 'which counts what is held back, too')
    body.push('ab')
    const all = framing === 2 ? `${text}content-length: 2\r\n\r\nab` : `${chunkedHead}2\r\nab\r\n`
    await until(() => arrived().length >= all.length)
    t.equal(arrived(), all)
  }
})

t.test('an empty portion in the middle does not end the body', async t => {
  const body = new Readable({ read: () => undefined })
  const { arrived } = await begin(t, 'chunked', body)
  body.push('ab')
  await until(() => arrived().endsWith('ab\r\n'))
  body.emit('data', Buffer.alloc(0))
  body.push('cd')
  body.push(null)
  await until(() => arrived().endsWith('0\r\n\r\n'))
  t.equal(arrived(), `${chunkedHead}2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n`)
})

t.test('no more of a body is taken than an upstream reads', async t => {
  const [near, far] = await pair(t)
  const portion = 64 * 1024
  const total = 64 * 1024 * 1024
  const made = createHash('sha256')
  let taken = 0
  const body = new Readable({
    highWaterMark: portion,
    read() {
      if (taken === total) return void this.push(null)
      const chunk = Buffer.alloc(portion, `${taken}.`)
      made.update(chunk)
      taken += portion
      this.push(chunk)
    },
  })
  let most = 0
  const upload = new Upload({
    ...{ socket: near, head: { text, framing: total, last: false }, body },
    begun: () => undefined,
    sent: () => {
      most = Math.max(most, near.writableLength)
    },
    failed: error => t.fail('it failed', { error }),
  })
  /** How often in a row there was nothing new. */
  let still = 0
  let seen = -1
  await until(() => {
    still = taken === seen && body.isPaused() ? still + 1 : 0
    seen = taken
    return still === 30
  })
  t.ok(taken < total, `${taken} bytes lie in the buffers of both ends`)
  t.ok(most <= near.writableHighWaterMark + portion + 1024, `${most} bytes waited`)
  t.notOk(upload.complete)

  const got = createHash('sha256')
  let unread = text.length + `content-length: ${total}\r\n\r\n`.length
  let count = 0
  far.on('data', (chunk: Buffer) => {
    const rest = chunk.subarray(unread)
    unread -= chunk.length - rest.length
    count += rest.length
    got.update(rest)
  })
  far.resume()
  await until(() => upload.complete && count >= total)
  t.equal(count, total)
  t.equal(got.digest('hex'), made.digest('hex'), 'and then all of it arrives, in order')
  t.ok(most <= near.writableHighWaterMark + portion + 1024)
})

t.test('the end of an upload leaves no listeners', async t => {
  /** A body keeps one that hears an error. */
  const without = ({ error: _, ...rest }: Record<string, number>) => rest
  for (const how of ['whole', 'longer', 'shorter', 'broken', 'destroyed', 'stopped']) {
    const body = new PassThrough()
    const { near, upload, before, portions, failures } = await begin(t, 4, body)
    body.write('ab')
    await until(() => portions() === 1)
    t.not(listeners(near)['drain'], before.near['drain'])
    if (how === 'whole') body.end('cd')
    if (how === 'longer') body.write('cde')
    if (how === 'shorter') body.end('c')
    if (how === 'broken') body.destroy(new Error('broken'))
    if (how === 'destroyed') body.destroy()
    if (how === 'stopped') upload.stop()
    await until(() => upload.complete && (body.destroyed || how === 'whole'))
    await until(() => body.closed)
    t.strictSame(listeners(near), before.near, how)
    t.strictSame(without(listeners(body)), without(before.body), how)
    t.equal(listeners(body)['error'], 1, how)
    t.equal(failures.length, how === 'whole' || how === 'stopped' ? 0 : 1, how)
    body.emit('error', new Error('too late'))
    upload.stop()
    t.equal(failures.length, how === 'whole' || how === 'stopped' ? 0 : 1, how)
  }
})

t.test('a body that is not as long as was said fails before it is', async t => {
  const long = new PassThrough()
  const longer = await begin(t, 4, long)
  long.write('ab')
  await until(() => longer.portions() === 1)
  long.write('cde')
  await until(() => longer.failures.length > 0)
  t.match(longer.failures, [{ code: 'LINE_REFUSED', message: /longer/ }])
  longer.near.end()
  await once(longer.far, 'end')
  t.equal(longer.arrived(), `${text}content-length: 4\r\n\r\nab`, 'not a byte of what was too much')
  t.ok(long.destroyed)

  const short = new PassThrough()
  const shorter = await begin(t, 4, short)
  short.end('abc')
  await until(() => shorter.failures.length > 0)
  t.match(shorter.failures, [{ code: 'LINE_REFUSED', message: /shorter/ }])

  const none = new PassThrough()
  const empty = await begin(t, 4, none)
  none.end()
  await until(() => empty.failures.length > 0)
  t.match(empty.failures, [{ code: 'LINE_REFUSED', message: /shorter/ }])
  t.equal(empty.near.bytesWritten, 0)
})

t.test(
  'a body that fails takes its connection with it, and no other request gets that',
  async t => {
    const broken = new Error('broken')
    const ways: Record<string, [(body: PassThrough) => void, object]> = {
      longer: [body => body.end('cdefgh'), { code: 'LINE_REFUSED' }],
      shorter: [body => body.end('c'), { code: 'LINE_REFUSED' }],
      broken: [body => body.destroy(broken), broken],
      destroyed: [body => body.destroy(), { code: 'LINE_ENDED' }],
    }
    for (const [way, [fail, error]] of Object.entries(ways)) {
      for (const length of ['5', undefined]) {
        // In chunks, any length is the right one.
        if (length === undefined && (way === 'longer' || way === 'shorter')) continue
        const received: string[] = []
        let connections = 0
        const server = createServer(socket => {
          const at = connections++
          received[at] = ''
          socket.on('error', () => undefined)
          socket.on('close', () => {
            received[at] += '(closed)'
          })
          socket.setEncoding('latin1').on('data', (data: string) => {
            received[at] += data
            if (data.startsWith('GET')) socket.write(ok('yes'))
          })
        }).listen(0, '127.0.0.1')
        await once(server, 'listening')
        t.teardown(() => server.close())
        const address = server.address()
        if (address === null || typeof address === 'string') throw new Error('no port')
        const lost: Error[] = []
        const lines = new Lines({
          origin: `http://127.0.0.1:${address.port}`,
          ...{ socketPath: undefined, timeout: 2000, tls: {} },
          lost: error => void lost.push(error),
        })
        t.teardown(() => lines.destroy())
        const said: string[] = []
        const errors: Error[] = []
        const handler = {
          onConnect: (_: unknown, reused: boolean) => void said.push(`connect ${reused}`),
          onHeaders: (status: number) => void said.push(`headers ${status}`),
          onData: () => true,
          onComplete: () => void said.push('complete'),
          onError: (error: Error) => void errors.push(error),
        }
        const get = { method: 'GET', path: '/', headers: ['host', 'x'], body: null }
        lines.dispatch(get, handler)
        await until(() => said.includes('complete'))
        await nextTurn()
        const body = new PassThrough()
        const announced = length === undefined ? [] : ['content-length', length]
        lines.dispatch(
          { method: 'POST', path: '/', headers: ['host', 'x', ...announced], body },
          handler,
        )
        body.write('ab')
        await until(() => received[0]?.includes('ab'))
        t.equal(lines.size, 1)
        fail(body)
        await until(() => errors.length > 0)
        t.match(errors[0], error, way)
        t.equal(lines.size, 0, way)
        t.ok(body.destroyed)
        await until(() => received[0]?.endsWith('(closed)'))
        t.notMatch(received[0], /0\r\n\r\n\(closed\)$/, 'it does not end as if it were whole')
        lines.dispatch(get, handler)
        await until(() => said.length === 7)
        const answered = ['headers 200', 'complete']
        const all = ['connect false', ...answered, 'connect true', 'connect false', ...answered]
        t.strictSame(said, all)
        t.equal(connections, 2)
        t.equal(errors.length, 1)
        t.strictSame(lost, [], 'which is not the doing of the other side')
      }
    }
  },
)
