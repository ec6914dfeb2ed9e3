import { PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { GatewayError } from '../../src/errors.ts'
import { createDeadlines } from '../../src/proxy/deadlines.ts'
import { Exchange } from '../../src/proxy/exchange.ts'
import { failureOf } from '../../src/proxy/failure.ts'
import { LineError } from '../../src/proxy/line-error.ts'
import type { RoutePlan } from '../../src/proxy/plan.ts'
import type { Place } from '../../src/proxy/upstream.ts'
import type { UpstreamRequest } from '../../src/proxy/upstream-request.ts'
import { until } from '../fixtures/until.ts'

interface Test {
  teardown(fn: () => unknown): void
}

const coded = (code: string) => Object.assign(new Error(code), { code })

/** An exchange whose upstream, client and owner write down what happens to them. */
const start = (t: Test, more: Partial<Place> = {}) => {
  const told: string[] = []
  const say = (what: string) => void told.push(what)
  const deadlines = createDeadlines(10)
  t.teardown(deadlines.close)
  const sink = {
    headersSent: false,
    socket: { destroyed: false, cork: () => say('cork'), uncork: () => say('uncork') },
    full: false,
    listener: () => {},
    writeHead: (status: number, text: string, headers: string[]) => {
      sink.headersSent = true
      say(`head ${status} ${text} ${headers.join(' ')}`)
    },
    flushHeaders: () => say('flush'),
    write: (chunk: Buffer) => {
      say(`write ${chunk}`)
      return !sink.full
    },
    once: (_event: 'drain', listener: () => void) => {
      sink.listener = listener
    },
    end: () => say('end'),
    destroy: () => say('destroy'),
  }
  const owner = {
    responseHeaders: (received: readonly string[]) => [...received],
    failed: (error: unknown) => say(`failed ${failureOf(error)}`),
    over: () => say('over'),
  }
  const hosts: unknown[] = []
  const place = {
    authority: 'two',
    dispatch: ({ headers }: UpstreamRequest) => void hosts.push(headers[1]),
    reached: () => say('reached'),
    moved: () => false,
    renew: () => say('renew'),
    release: () => say('release'),
    ...more,
  }
  const upstream = { connectTimeout: 20, headersTimeout: 20, idleTimeout: 20 }
  const exchange = new Exchange(sink, owner, { upstream } as RoutePlan, place, deadlines)
  const send = (options: Partial<UpstreamRequest> = {}) =>
    exchange.start({ path: '/', method: 'GET', headers: ['host', 'one'], body: null, ...options })
  return { exchange, send, sink, told, hosts, deadlines }
}
const connection = { abort: () => undefined, resume: () => undefined }
const head = (exchange: Exchange, status = 200, headers: string[] = []) =>
  exchange.onHeaders(status, headers, 'OK')
const data = (exchange: Exchange) => exchange.onData(Buffer.from('x'))

t.test('an answer runs through, and the place is given back once', async t => {
  const { exchange, send, told, deadlines } = start(t)
  send()
  exchange.onConnect(connection, false)
  head(exchange, 103)
  head(exchange, 200, ['a', 'b'])
  data(exchange)
  exchange.onComplete()
  exchange.onComplete()
  exchange.onError(new Error('late'))
  exchange.stop(new Error('late'))
  const all = ['reached', 'cork', 'head 200 OK a b', 'write x', 'release', 'over']
  t.strictSame(told, all)
  t.equal(deadlines.size(), 0)
  await nextTurn()
  t.strictSame(told, [...all, 'end'])
})

t.test('an answer leaves at the end of the turn, and what fills the buffer at once', async t => {
  const begun = (more: Partial<{ full: boolean; socket: null }> = {}) => {
    const made = start(t)
    Object.assign(made.sink, more)
    made.send()
    made.exchange.onConnect(connection, false)
    head(made.exchange)
    data(made.exchange)
    return made
  }
  const long = begun()
  t.notOk(long.told.includes('uncork'), 'held back')
  const full = begun({ full: true })
  t.equal(full.told.at(-1), 'uncork')
  const left = begun()
  left.exchange.onComplete()
  left.sink.socket.destroyed = true
  const broken = begun()
  broken.exchange.onError(new Error('reset'))
  t.strictSame(broken.told.slice(-2), ['uncork', 'destroy'], 'a part of it is seen first')
  const unconnected = begun({ socket: null })
  unconnected.exchange.onComplete()
  t.equal(unconnected.told.at(-1), 'end')
  await nextTurn()
  t.equal(long.told.at(-1), 'uncork', 'what there is does not wait for the rest')
  t.equal(full.told.filter(what => what === 'uncork').length, 1)
  t.equal(left.told.at(-1), 'over', 'the client went away: there is nothing to end')
  long.exchange.onComplete()
  t.equal(long.told.at(-1), 'end')
  full.exchange.stop(new Error('enough'))
})

t.test('what was stopped before it had a connection is aborted when it gets one', async t => {
  const { exchange, send, told } = start(t)
  send()
  exchange.stop(new Error('the client went away'))
  let given = false
  const give = (): void => {
    given = true
  }
  exchange.onConnect({ ...connection, abort: give }, false)
  t.ok(given)
  head(exchange)
  t.notOk(data(exchange))
  t.notOk(told.some(what => what.startsWith('head')))
  t.notOk(told.includes('write x'))
})

t.test(
  'an upstream that makes no progress is 504 before its answer, and a cut in the middle',
  async t => {
    const silent = start(t)
    silent.send()
    let given = false
    const give = (): void => {
      given = true
    }
    silent.exchange.onConnect({ ...connection, abort: give }, false)
    await until(() => silent.told.includes('failed upstream_timeout'))
    t.ok(given, 'and its connection is closed')
    const stalled = start(t)
    stalled.send()
    stalled.exchange.onConnect(connection, false)
    head(stalled.exchange)
    await until(() => stalled.told.includes('destroy'))
    t.notOk(stalled.told.some(what => what.startsWith('failed')))
  },
)

t.test(
  'time in which the client does not read, or an event stream is silent, is the fault of nobody',
  async t => {
    const slow = start(t)
    slow.send()
    slow.exchange.onConnect(connection, false)
    head(slow.exchange)
    slow.sink.full = true
    t.equal(data(slow.exchange), false)
    t.equal(slow.exchange.deadline, Number.POSITIVE_INFINITY)
    slow.sink.listener()
    t.not(slow.exchange.deadline, Number.POSITIVE_INFINITY)
    const events = start(t)
    events.send()
    events.exchange.onConnect(connection, false)
    head(events.exchange, 200, ['Content-Type', 'text/event-stream; charset=utf-8'])
    t.ok(events.told.includes('flush'))
    t.equal(events.exchange.deadline, Number.POSITIVE_INFINITY)
    events.exchange.stop(new Error('enough'))
    events.sink.listener()
  },
)

t.test(
  'no connection: another target, with its own Host; an error of ours goes nowhere else',
  async t => {
    let targets = 1
    const { exchange, send, hosts, told } = start(t, { moved: () => targets-- > 0 })
    send()
    exchange.onError(coded('ECONNREFUSED'))
    t.strictSame(hosts, ['one', 'two'])
    exchange.onError(coded('ECONNREFUSED'))
    t.ok(told.includes('failed upstream_failed'))
    const ours = start(t, { moved: () => t.fail('not elsewhere') as never })
    ours.send()
    ours.exchange.onError(new LineError('LINE_REFUSED', 'a header'))
    t.ok(ours.told.includes('failed malformed_request'))
  },
)

t.test(
  'a kept connection that closed: once more, if nothing can be done twice (PX-12)',
  async t => {
    const closed = new LineError('LINE_CLOSED', 'the other side closed')
    const sent = (reused: boolean, options: Partial<UpstreamRequest> = {}) => {
      const made = start(t)
      made.send(options)
      made.exchange.onConnect(connection, reused)
      made.exchange.onError(closed)
      return made
    }
    const again = sent(true)
    t.equal(again.hosts.length, 2)
    again.exchange.onConnect(connection, true)
    again.exchange.onError(closed)
    t.equal(again.hosts.length, 2, 'but not three times')
    t.equal(sent(false).hosts.length, 1, 'a new connection')
    t.equal(sent(true, { method: 'POST' }).hosts.length, 1)
    t.equal(sent(true, { body: Buffer.from('x') }).hosts.length, 1)
  },
)

t.test('what the upstream or its connection did has a code', async t => {
  t.equal(failureOf(new GatewayError('body_too_large', 'x')), 'body_too_large')
  t.equal(failureOf(coded('ETIMEDOUT')), 'upstream_timeout')
  t.equal(failureOf(new LineError('LINE_REFUSED', 'x')), 'malformed_request')
  t.equal(failureOf(coded('ECONNRESET')), 'upstream_failed')
  t.equal(failureOf('odd'), 'upstream_failed')
  const { send, told } = start(t, {
    dispatch: (_, handler) => handler.onError(new Error('at once')),
  })
  send()
  t.ok(told.includes('failed upstream_failed'))
})

t.test('a tunnel that nobody asked for is closed', async t => {
  const { exchange, send, told } = start(t)
  send()
  exchange.onConnect(connection, false)
  const upstream = new PassThrough()
  exchange.onUpgrade([], upstream)
  t.ok(upstream.destroyed)
  t.ok(told.includes('failed upstream_failed'))
  const late = new PassThrough()
  exchange.onUpgrade([], late)
  t.ok(late.destroyed)
})
