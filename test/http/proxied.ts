import t from 'tap'
import type { Context } from '../../src/http/context.ts'
import { Proxied, type ProxiedParts } from '../../src/http/proxied.ts'
import type { Exchange } from '../../src/proxy/exchange.ts'
import type { Session } from '../../src/session/store.ts'

/** A request of a session, and what was done for it. */
const start = (headersSent = false, session: Session | undefined = {} as Session) => {
  const told: string[] = []
  const say = (what: string) => void told.push(what)
  const res = { headersSent, destroy: () => say('destroy'), end: () => say('end') }
  const context = { res, answeredAt: 0 } as unknown as Context
  const parts = {
    responseHeaders: (_context: Context, received: readonly string[]) => [...received],
    failed: (_context: Context, error: unknown) =>
      say(`failed ${error instanceof Error && 'code' in error && error.code}`),
    streams: { add: () => say('add'), remove: () => say('remove') },
    cuts: { inc: ({ reason }: { reason: string }) => say(`count ${reason}`) },
    eventStreams: { add: () => say('events'), remove: () => say('no events') },
  } as unknown as ProxiedParts
  const proxied = new Proxied(context, session, parts)
  proxied.exchange = {
    answeredAt: 7,
    stop: (reason: Error) => say(`stop: ${reason.message}`),
  } as unknown as Exchange
  return { proxied, told, context }
}

t.test('it is registered under its session before anything is sent, until it is over', async t => {
  const { proxied, told, context } = start()
  t.strictSame(told, ['add'])
  t.strictSame(proxied.responseHeaders(['a']), ['a'])
  t.equal(context.answeredAt, 7)
  proxied.over()
  t.strictSame(told, ['add', 'remove'])
})

t.test('without a session there is nothing to register', async t => {
  const told: string[] = []
  const streams = { add: () => told.push('add'), remove: () => told.push('remove') }
  const proxied = new Proxied({} as Context, undefined, { streams } as unknown as ProxiedParts)
  proxied.over()
  t.strictSame(told, [])
})

t.test('a session that ends is told before the answer, and cuts it in the middle', async t => {
  const before = start()
  before.proxied.cut('ended')
  t.strictSame(before.told.slice(1), [
    'count ended',
    'stop: the session is over: ended',
    'failed no_session',
  ])
  const outage = start()
  outage.proxied.cut('outage')
  t.ok(outage.told.includes('failed redis_unavailable'), 'an outage is not a log-out')
  const within = start(true)
  within.proxied.cut('expired')
  t.strictSame(within.told.slice(1), [
    'count expired',
    'stop: the session is over: expired',
    'destroy',
  ])
})

t.test('a client that leaves, and a gateway that goes, stop it', async t => {
  const { proxied, told } = start()
  proxied.left()
  t.ok(told.includes('stop: the client went away'))
  const stream = start(true)
  stream.proxied.endless()
  stream.proxied.end()
  stream.proxied.over()
  t.strictSame(stream.told.slice(1), [
    'events',
    'stop: the gateway goes away',
    'end',
    'no events',
    'remove',
  ])
})
