import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { TrackingListener, TrackingState } from '../../src/redis/tracking.ts'
import { createKeys } from '../../src/session/keys.ts'
import type { Session } from '../../src/session/session.ts'
import { createStreams } from '../../src/session/streams.ts'
import type { Life } from '../../src/session/vitals.ts'
import { createWatchlist } from '../../src/session/watched.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { startRedis } from '../fixtures/redis.ts'
import { loginOf } from '../fixtures/sessions.ts'
import { startTcpProxy } from '../fixtures/tcp-proxy.ts'
import { startTracked } from '../fixtures/tracked.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(t)
const { client } = server

t.test('WS-06 a bare DEL cuts all streams of a session, on every gateway', async t => {
  const gateways = [await startTracked(t, server.url), await startTracked(t, server.url)]
  const [first] = gateways
  if (first === undefined) return
  for (const key of ['key', 'userKey'] as const) {
    const one = await first.login('alice')
    const other = await first.login('bob')
    const opening = gateways.flatMap(({ open }) => [open(one), open(one)])
    const streams = await Promise.all(opening)
    const untouched = await first.open(other)
    const start = performance.now()
    await client.del(one[key])
    const answered = performance.now()
    while (!streams.every(cuts => cuts.length > 0)) await sleep(0)
    const end = performance.now()
    t.comment(`all four cut ${(end - start).toFixed(1)} ms after DEL of the ${key} was sent`)
    t.comment(`and ${(end - answered).toFixed(1)} ms after it was answered`)
    t.same(streams, [['ended'], ['ended'], ['ended'], ['ended']])
    t.same(untouched, [])
  }
  t.equal(first.streams.size(), 2)
})

t.test('it does not take a cache: evicted entries, the cache off', async t => {
  for (const options of [{ maxEntries: 0 }, { cached: false }]) {
    const { login, open, cache, tombstones } = await startTracked(t, server.url, options)
    const [one, other] = [await login('alice'), await login('bob')]
    const [byRecord, byUser] = [await open(one), await open(other)]
    t.equal(cache.peek(one.handle), undefined)
    await client.del(one.key)
    await client.del(other.userKey)
    await until(() => byRecord.length + byUser.length === 2)
    t.same([byRecord, byUser], [['ended'], ['ended']])
    t.ok(tombstones.has(one.handle))
    t.ok(tombstones.has(other.handle))
  }
})

t.test('a refresh, a touch and another login cut nothing', async t => {
  const { login, open, store, get, redis, streams } = await startTracked(t, server.url)
  const one = await login('alice')
  const cuts = await open(one)
  const session = await get(one.ticket, one.handle)
  if (session === undefined) throw new Error('no session')
  await store.touch(session)
  await store.replace(one.ticket, session, loginOf('alice').tokens, undefined)
  await login('alice')
  await redis.ping()
  await sleep(100)
  t.same(cuts, [])
  t.equal(streams.size(), 1)
  await client.del(one.key)
  await until(() => cuts.length > 0)
})

t.test('a FLUSHALL cuts all', async t => {
  const { login, open, tombstones } = await startTracked(t, server.url)
  const cuts = await open(await login())
  await client.flushall()
  await until(() => cuts.length > 0)
  t.same(cuts, ['ended'])
  t.equal(tombstones.size(), 0)
})

t.test('deletes made while the link was down cut when it is up again, and only those', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const announced = proxy.via(server.url)
  const { warm, open, tracking } = await startTracked(t, server.url, { announced })
  const [one, other] = [await warm('alice'), await warm('bob')]
  const [gone, live] = [await open(one), await open(other)]
  proxy.refuse()
  proxy.reset()
  await until(() => tracking.state() === 'down')
  await client.del(one.key)
  t.same(gone, [])
  proxy.pass()
  await until(() => gone.length > 0)
  t.equal(tracking.state(), 'up')
  t.same([gone, live], [['ended'], []])
})

t.test('while the link is down, streams are asked after now and then', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const ends = { announced: proxy.via(server.url), streamGrace: 800 }
  const { warm, open, tracking } = await startTracked(t, server.url, ends)
  const [one, other] = [await warm('alice'), await warm('bob')]
  const [gone, live] = [await open(one), await open(other)]
  proxy.refuse()
  proxy.reset()
  await until(() => tracking.state() === 'down')
  await sleep(500)
  t.same(gone, [], 'asked after, and found alive')
  await client.del(one.key)
  await until(() => gone.length > 0)
  t.same(gone, ['ended'])
  await sleep(1_000)
  t.same(live, [], 'the grace is for a Redis that does not answer')
})

t.test('where the server cannot track, streams are asked after, too', async t => {
  const rights = ['~*', '&*', '+@all', '-client|tracking']
  await client.acl('SETUSER', 'deaf', 'on', '>secret', ...rights)
  const url = `redis://deaf:secret@127.0.0.1:${server.port}`
  const ends = { wait: false, streamGrace: 800, idleTimeout: 2_000 }
  const { login, open, tracking, cache, get } = await startTracked(t, url, ends)
  await until(() => tracking.state() === 'unsupported')
  const [one, other] = [await login('alice'), await login('bob')]
  const [gone, touched] = [await open(one), await open(other)]
  await client.del(one.key)
  await until(() => gone.length > 0)
  t.same([gone, touched], [['ended'], []])

  const session = await get(other.ticket, other.handle)
  if (session === undefined) throw new Error('no session')
  await client.del(other.key)
  cache.touch({ ...session, idleDeadline: performance.now() })
  await until(() => touched.length > 0)
  t.same(touched, ['ended'])
})

t.test('a session that ended between its reading and the registration is found out', async t => {
  const { login, cache, streams } = await startTracked(t, server.url, {
    cached: false,
    streamGrace: 800,
  })
  const { ticket, handle, key } = await login()
  const session = await cache.read(ticket, handle)
  if (session === undefined) throw new Error('no session')
  await client.del(key)
  await sleep(20)
  const cuts: string[] = []
  streams.add(session, { cut: reason => void cuts.push(reason) })
  await until(() => cuts.length > 0)
  t.same(cuts, ['ended'])
})

t.test('streams of sessions in memory cost no command', async t => {
  const { warm, open, cache } = await startTracked(t, server.url, { streamGrace: 400 })
  const one = await warm()
  const cuts = await open(one)
  await client.config('RESETSTAT')
  await sleep(500)
  t.notMatch(await client.info('commandstats'), /cmdstat_(get|pttl|zscore):/)
  cache.forget(one.handle)
  await client.del(one.key)
  await until(() => cuts.length > 0)
})

t.test('FL-01 with Redis away they live for the grace, and no longer', async t => {
  const redis = await startRedis(t)
  const ends = { lease: 200, streamGrace: 1_500 }
  const { warm, open, tracking } = await startTracked(t, redis.url, ends)
  const cuts = await open(await warm())
  redis.pause()
  await until(() => tracking.state() === 'down')
  redis.resume()
  await until(() => tracking.state() === 'up')
  t.same(cuts, [], 'an outage is not a log-out')
  await sleep(2_000)
  t.same(cuts, [])

  redis.pause()
  const paused = performance.now()
  await until(() => cuts.length > 0)
  t.same(cuts, ['outage'])
  t.ok(performance.now() - paused >= 1_500)
  redis.resume()
})

t.test('SL-05 the absolute end cuts whatever the activity, without asking', async t => {
  const redis = await startRedis(t)
  const ends = { absoluteTimeout: 700, streamGrace: 400, lease: 60_000 }
  const { login, open, cache } = await startTracked(t, redis.url, ends)
  const one = await login()
  const cuts = await open(one)
  const end = performance.now() + 700
  redis.pause()
  while (cuts.length === 0) {
    const session = cache.peek(one.handle)
    if (session) cache.touch(session)
    await sleep(5)
  }
  t.same(cuts, ['expired'])
  t.ok(performance.now() < end + 5_000)
  redis.resume()
})

t.test('SL-04 an idle session’s streams are cut; another gateway’s touches keep them', async t => {
  const ends = { idleTimeout: 600, streamGrace: 400 }
  const here = await startTracked(t, server.url, ends)
  const there = await startTracked(t, server.url, ends)
  const [idle, active] = [await here.login('alice'), await here.login('bob')]
  const [cut, live] = [await here.open(idle), await here.open(active)]
  const start = performance.now()
  while (performance.now() - start < 1_500) {
    const session = await there.get(active.ticket, active.handle)
    if (session === undefined) throw new Error('no session')
    there.cache.touch(session)
    await sleep(20)
  }
  t.same([cut, live], [['expired'], []])
})

t.test('a replacement is called one, unless it was taken back', async t => {
  const { login, open, streams } = await startTracked(t, server.url)
  const [one, other] = [await login('alice'), await login('bob')]
  const [replaced, ended] = [await open(one), await open(other)]
  streams.replacing(one.handle)
  streams.replacing(other.handle)()
  streams.replacing('nobody')()
  await client.del(one.key, other.key)
  await until(() => replaced.length + ended.length === 2)
  t.same([replaced, ended], [['replaced'], ['ended']])
})

t.test('what was taken back is not cut, what throws does not save the others', async t => {
  const { login, get, streams, lines } = await startTracked(t, server.url)
  const one = await login()
  const session = await get(one.ticket, one.handle)
  if (session === undefined) throw new Error('no session')
  const cuts: string[] = []
  const closers = ['done', 'broken', 'open'].map(name => ({
    cut: (reason: string) => {
      if (name === 'broken') throw new Error('broken')
      cuts.push(`${name} ${reason}`)
    },
  }))
  for (const closer of closers) streams.add(session, closer)
  const [done] = closers
  if (done) streams.remove(session, done)
  t.equal(streams.size(), 1)
  await client.del(one.key)
  await until(() => cuts.length > 0)
  t.same(cuts, ['open ended'])
  t.match(lines.at(-1), { msg: 'a stream could not be cut', err: { message: 'broken' } })
  t.equal(streams.size(), 0)
  for (const closer of closers) streams.remove(session, closer)
})

t.test('changes that come while one is asked after are asked after as well', async t => {
  const { login, open, store, get } = await startTracked(t, server.url, { cached: false })
  const one = await login()
  const session = await get(one.ticket, one.handle)
  if (session === undefined) throw new Error('no session')
  for (let i = 0; i < 100; i++) {
    const cuts = await open(one)
    await Promise.all([store.touch(session), store.touch(session), store.touch(session)])
    t.same(cuts, [])
  }
  const cuts = await open(one)
  void store.touch(session)
  await client.del(one.key)
  await until(() => cuts.length > 0)
  t.same(cuts, ['ended'])
})

t.test('the watchlist forgets whom nobody watches', async t => {
  const { login, get } = await startTracked(t, server.url)
  const [one, two] = [await login('alice'), await login('alice')]
  const sessions = [await get(one.ticket, one.handle), await get(two.ticket, two.handle)]
  const [first, second] = sessions
  if (first === undefined || second === undefined) throw new Error('no session')
  const list = createWatchlist(createKeys('claimcheck:'))
  const watched = [list.add(first, 0), list.add(second, 0)]
  t.same(Array.from(list.ofUser(one.userKey)), watched)
  for (const each of watched) list.remove(each)
  const [again] = watched
  if (again) list.remove(again)
  t.equal(list.size(), 0)
  t.same([...list.ofUser(one.userKey), ...list.all()], [])
})

/** One stream of one session, whose questions wait to be answered by hand. Nothing is announced but by hand. */
const openByHand = (t: Test, { idle = 60_000, streamGrace = 60_000 } = {}) => {
  const listeners: TrackingListener[] = []
  const goneListeners: ((handle: string) => void)[] = []
  const questions: { resolve: (life: Life) => void; reject: (error: Error) => void }[] = []
  const buried: string[] = []
  const cuts: string[] = []
  let state: TrackingState = 'up'
  let epoch = 0
  let known: Session | undefined
  const streams = createStreams({
    cache: { peek: () => known, onGone: listener => void goneListeners.push(listener) },
    keys: createKeys(''),
    vitals: {
      ask: () => new Promise((resolve, reject) => void questions.push({ resolve, reject })),
      busy: () => false,
    },
    tombstones: {
      bury: handle => void buried.push(handle),
      has: () => false,
      size: () => 0,
      remove: async () => undefined,
      removeRecent: async () => undefined,
    },
    tracking: {
      leaseUntil: () => Infinity,
      state: () => state,
      epoch: () => epoch,
      roundTrip: () => undefined,
      listen: listener => void listeners.push(listener),
      start: () => undefined,
      close: async () => undefined,
    },
    ...{ streamGrace, log: recordLog().log },
  })
  t.teardown(streams.close)
  const now = performance.now()
  const session: Session = {
    ...{ handle: 'a', version: '1', claims: {}, scopes: new Set(), hasRefreshToken: false },
    meta: { v: 1, provider: 'oidc', iss: 'i', sub: 'alice', created: 0, expires: 1 },
    bearers: { access_token: 'Bearer x', id_token: undefined },
    ...{ idleDeadline: now + idle, absoluteDeadline: Infinity, tokenDeadline: Infinity },
  }
  known = session
  const stream = { cut: (reason: string) => void cuts.push(reason) }
  streams.add(session, stream)
  /** The oldest open question gets this answer; without one it fails. */
  const answer = async (life?: Life) => {
    const question = questions.shift()
    if (question === undefined) throw new Error('nothing was asked')
    if (life === undefined) question.reject(new Error('no answer'))
    else question.resolve(life)
    await sleep(0)
  }
  return {
    ...{ answer, buried, cuts, questions },
    live: { kind: 'live', version: '1', idleDeadline: now + 60_000 } as const,
    gone: { kind: 'gone' } as const,
    forget: () => {
      known = undefined
    },
    remove: () => streams.remove(session, stream),
    touchFinds: () => goneListeners.forEach(listener => void listener('a')),
    announce: (key = 'session:a') => listeners.forEach(one => void one.invalidated([key])),
    turn: (to: 'up' | 'down' | 'flushed') => {
      epoch++
      if (to !== 'flushed') state = to
      for (const listener of listeners) listener[to]()
    },
  }
}

t.test('after an outage and after a flush it is asked at once', async t => {
  const { answer, cuts, questions, live, gone, buried, turn } = openByHand(t)
  turn('down')
  t.equal(questions.length, 0)
  turn('up')
  await answer(live)
  turn('flushed')
  await answer(gone)
  t.same([cuts, buried], [['ended'], []])
})

t.test('a change that overtakes an answer is asked after in turn', async t => {
  const { answer, cuts, questions, live, gone, buried, announce } = openByHand(t)
  announce()
  announce('user:oidc:alice')
  announce('user:oidc:bob')
  t.equal(questions.length, 1)
  await answer(live)
  await answer(gone)
  t.same([cuts, buried], [['ended'], ['a']])
})

t.test('an answer that a change has overtaken makes nothing certain', async t => {
  const { answer, questions, live, announce, forget } = openByHand(t, { streamGrace: 400 })
  forget()
  announce()
  announce()
  await answer(live)
  await answer()
  await until(() => questions.length > 0)
})

t.test('nor does one that comes while the link is down', async t => {
  const { answer, questions, live, announce, turn, forget } = openByHand(t, { streamGrace: 400 })
  forget()
  announce()
  turn('down')
  await answer(live)
  await until(() => questions.length > 0)
})

t.test('once certain, it is asked again when its time is up', async t => {
  const hand = openByHand(t, { idle: 200, streamGrace: 400 })
  const { answer, cuts, questions, live, gone } = hand
  await sleep(150)
  hand.forget()
  t.equal(questions.length, 0, 'in memory, so certain')
  await until(() => questions.length > 0)
  await answer({ ...live, idleDeadline: performance.now() + 150 })
  t.same(cuts, [], 'somebody has touched it')
  await until(() => questions.length > 0)
  await answer(gone)
  t.same(cuts, ['expired'])
})

t.test('a touch that finds it gone cuts it, once', async t => {
  const { answer, cuts, gone, announce, touchFinds } = openByHand(t)
  announce()
  touchFinds()
  t.same(cuts, ['ended'])
  await answer(gone)
  touchFinds()
  t.same(cuts, ['ended'])
})

t.test('what ended by itself meanwhile is left alone', async t => {
  const { answer, cuts, gone, announce, remove } = openByHand(t)
  announce()
  remove()
  await answer(gone)
  t.same(cuts, [])
})

t.test('who stood still for longer than the grace asks before it cuts', async t => {
  const { answer, cuts, questions, live, forget } = openByHand(t, { streamGrace: 400 })
  forget()
  const still = performance.now() + 500
  while (performance.now() < still);
  await until(() => questions.length > 0)
  await sleep(200)
  t.same(cuts, [], 'nor while the answer is on its way')
  await answer(live)
  t.same(cuts, [])
})
