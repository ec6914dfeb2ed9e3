import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startRedis } from '../fixtures/redis.ts'
import { loginOf } from '../fixtures/sessions.ts'
import { startTcpProxy } from '../fixtures/tcp-proxy.ts'
import { startTracked } from '../fixtures/tracked.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(t)
const { client } = server

/** Commands that Redis ran since the last call, without those that set connections up or ask for this. */
const commandCounts = async () => {
  const stats = await client.info('commandstats')
  await client.config('RESETSTAT')
  const counts = Array.from(stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g), ([, name, calls]) => [
    name,
    Number(calls),
  ])
  const { info, 'config|resetstat': _, ...others } = Object.fromEntries(counts)
  return others
}

t.test('10,000 warm requests make no command but pings and canaries', async t => {
  const { warm, cache } = await startTracked(t, server.url, { lease: 2_000 })
  const { handle } = await warm()
  await commandCounts()
  const start = performance.now()
  for (let i = 0; i < 10_000; i++) {
    const session = cache.peek(handle)
    if (session === undefined) throw new Error('cold')
    cache.touch(session)
    if (i % 1_000 === 0) await sleep(1)
  }
  const seconds = (performance.now() - start) / 1_000
  const { ping = 0, pexpire = 0, ...others } = await commandCounts()
  t.same(others, {})
  t.ok(ping <= 2 * seconds + 2, `${ping} pings`)
  t.ok(pexpire <= seconds / 4 + 1, `${pexpire} canaries`)
  t.equal(cache.status().hits, 10_001)
})

t.test('RV-01 a bare DEL of the record or of the user key ends a warm session', async t => {
  const { warm, cache, get } = await startTracked(t, server.url)
  const byRecord = await warm('alice')
  const byUser = await warm('bob')
  const other = await warm('carol')
  for (const [key, { ticket, handle }] of [
    [byRecord.key, byRecord],
    [byUser.userKey, byUser],
  ] as const) {
    await client.del(key)
    await until(() => cache.peek(handle) === undefined)
    t.equal(await get(ticket, handle), undefined)
  }
  t.ok(cache.peek(other.handle))
})

t.test('the deletes of others arrive in about a millisecond', async t => {
  const { warm, cache } = await startTracked(t, server.url, { lease: 60_000 })
  const times: number[] = []
  for (let i = 0; i < 100; i++) {
    const { key, handle } = await warm(`user${i}`)
    await client.del(key)
    const answered = performance.now()
    while (cache.peek(handle) !== undefined) await sleep(0)
    times.push(performance.now() - answered)
  }
  times.sort((a, b) => a - b)
  t.equal(times.length, 100, 'all of them, long before the lease could have ended')
  t.comment(
    `after the answer to DEL: p50 ${times[50]?.toFixed(2)}, p99 ${times[98]?.toFixed(2)} ms`,
  )
})

t.test('a second login of a person asks only whether the first is still listed', async t => {
  const { warm, login, cache, get } = await startTracked(t, server.url)
  const { ticket, handle } = await warm('alice')
  const before = cache.peek(handle)
  await login('alice')
  await until(() => cache.peek(handle) === undefined)
  await commandCounts()
  t.equal(await get(ticket, handle), before, 'the very same: nothing was decrypted anew')
  t.match(await commandCounts(), { zscore: 1, get: undefined, getrange: undefined })
  t.equal(cache.peek(handle), before)
})

t.test('a session that its user key no longer lists is gone, and buried', async t => {
  const { warm, cache, get, tombstones } = await startTracked(t, server.url)
  const { ticket, handle, userKey } = await warm('alice')
  await client.zrem(userKey, handle)
  await until(() => cache.peek(handle) === undefined)
  t.equal(await get(ticket, handle), undefined)
  t.ok(tombstones.has(handle))
})

t.test('a new version of the record is read, a touch is only asked after', async t => {
  const { warm, cache, get, store } = await startTracked(t, server.url)
  const { ticket, handle, key } = await warm()
  const first = cache.peek(handle)
  await client.pexpire(key, 20_000)
  await until(() => cache.peek(handle) !== first && cache.peek(handle))
  const before = cache.peek(handle)
  if (before === undefined) throw new Error('cold')

  await commandCounts()
  t.ok(await store.touch(before))
  await until(() => cache.peek(handle) !== before && cache.peek(handle))
  const touched = cache.peek(handle)
  t.ok(touched && touched.idleDeadline > before.idleDeadline + 10_000)
  t.equal(touched?.bearers, before.bearers)
  t.match(await commandCounts(), { getrange: undefined, get: 1, zscore: 2, evalsha: 1 })

  const { tokens } = loginOf('alice')
  t.equal(await store.replace(ticket, before, tokens, undefined), 'replaced')
  await until(() => cache.peek(handle) === undefined)
  const replaced = await get(ticket, handle)
  t.equal(replaced?.bearers.access_token, `Bearer ${tokens.accessToken}`)
})

t.test('readers who come while a changed session is asked after share the answer', async t => {
  const { warm, cache, get, store } = await startTracked(t, server.url)
  const { ticket, handle, key } = await warm()
  const before = cache.peek(handle)
  if (before === undefined) throw new Error('cold')
  await commandCounts()
  await store.touch(before)
  while (cache.peek(handle) !== undefined) await sleep(0)
  const answers = await Promise.all(Array.from({ length: 50 }, () => get(ticket, handle)))
  t.ok(answers.every(session => session?.bearers === before.bearers))
  t.match(await commandCounts(), { get: 1 })

  await client.del(key)
  while (cache.peek(handle) !== undefined) await sleep(0)
  const gone = await Promise.all(Array.from({ length: 50 }, () => get(ticket, handle)))
  t.ok(gone.every(session => session === undefined))
})

t.test('cold readers share one question, and one failure', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const ends = { announced: server.url, lease: 60_000 }
  const { login, cache } = await startTracked(t, proxy.via(server.url), ends)
  const { ticket, handle } = await login()
  await commandCounts()
  const all = await Promise.all(Array.from({ length: 50 }, () => cache.read(ticket, handle)))
  t.equal(new Set(all).size, 1)
  t.match(await commandCounts(), { get: 1, zscore: 1 })

  const other = await login()
  proxy.stall('toClient')
  const failing = Array.from({ length: 5 }, () => cache.read(other.ticket, other.handle))
  for (const failure of await Promise.allSettled(failing)) {
    t.match(failure, { status: 'rejected', reason: { code: 'redis_unavailable' } })
  }
  proxy.pass()
  await until(async () => (await client.exists(other.key)) === 1)
  t.ok(
    (await until(async () => cache.read(other.ticket, other.handle).catch(() => undefined))) ===
      undefined,
  )
})

t.test('SL-04 a session past its deadline is not served from memory, announced or not', async t => {
  const { warm, cache, get } = await startTracked(t, server.url, { idleTimeout: 400 })
  await client.config('SET', 'hz', '1')
  const { ticket, handle, key } = await warm()
  const session = cache.peek(handle)
  if (session === undefined) throw new Error('cold')
  const life = await client.pttl(key)
  t.ok(session.idleDeadline <= performance.now() + life + 1, 'but for the rounding of PTTL')
  await until(() => performance.now() >= session.idleDeadline)
  t.equal(cache.peek(handle), undefined)
  await until(async () => (await client.exists(key)) === 0)
  t.equal(await get(ticket, handle), undefined)
  await client.config('SET', 'hz', '10')
})

t.test('FLUSHALL ends everything at once and buries nobody', async t => {
  const { warm, cache, get, tombstones } = await startTracked(t, server.url)
  const { ticket, handle } = await warm()
  await client.flushall()
  await until(() => cache.peek(handle) === undefined)
  t.equal(await get(ticket, handle), undefined)
  t.equal(tombstones.size(), 0)
  t.equal(cache.status().entries, 0)
})

t.test('with the cache off, or a server that cannot track, each read asks Redis', async t => {
  const off = await startTracked(t, server.url, { cached: false })
  const one = await off.login()
  for (let i = 0; i < 2; i++) {
    t.equal(off.cache.peek(one.handle), undefined)
    t.ok(await off.cache.read(one.ticket, one.handle))
  }
  t.match(off.cache.status(), { state: 'off', entries: 0 })
  await client.del(one.key)
  t.equal(await off.cache.read(one.ticket, one.handle), undefined, 'zero staleness')

  const rights = ['~*', '&*', '+@all', '-client|tracking']
  await client.acl('SETUSER', 'deaf', 'on', '>secret', ...rights)
  const deafUrl = `redis://deaf:secret@127.0.0.1:${server.port}`
  const deaf = await startTracked(t, deafUrl, { wait: false })
  await until(() => deaf.tracking.state() === 'unsupported')
  const two = await deaf.login()
  await commandCounts()
  const answers = await Promise.all([
    deaf.cache.read(two.ticket, two.handle),
    deaf.cache.read(two.ticket, two.handle),
  ])
  t.ok(answers.every(session => session !== undefined))
  t.match(await commandCounts(), { get: 2 }, 'nobody shares an answer without the lease')
  t.equal(deaf.cache.peek(two.handle), undefined)
  t.match(deaf.cache.status(), { state: 'unsupported', entries: 0 })
})

t.test('what comes back after it was seen to go is refused, and deleted again', async t => {
  const { warm, get, tombstones, cache } = await startTracked(t, server.url)
  const { ticket, handle, key, userKey } = await warm()
  const saved = await client.dumpBuffer(key)
  await client.del(key)
  await until(() => tombstones.has(handle))
  await client.restore(key, 60_000, saved)
  t.ok(await client.zscore(userKey, handle), 'listed, too: alive as far as Redis knows')
  t.equal(await get(ticket, handle), undefined)
  await until(async () => (await client.exists(key)) === 0)
  t.equal(cache.status().tombstones, 1)
})

t.test('after an outage those buried of late are deleted again', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const announced = proxy.via(server.url)
  const { warm, tombstones, tracking } = await startTracked(t, server.url, { announced })
  const { handle, key } = await warm()
  const saved = await client.dumpBuffer(key)
  await client.del(key)
  await until(() => tombstones.has(handle))
  proxy.refuse()
  proxy.reset()
  await until(() => tracking.state() === 'down')
  await client.restore(key, 60_000, saved)
  proxy.pass()
  await until(async () => (await client.exists(key)) === 0)
})

t.test('a deletion during an outage ends the session, but buries nobody', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const announced = proxy.via(server.url)
  const { warm, tombstones, tracking, get, cache } = await startTracked(t, server.url, {
    announced,
  })
  const { ticket, handle, key } = await warm()
  const saved = await client.dumpBuffer(key)
  proxy.refuse()
  proxy.reset()
  await until(() => tracking.state() === 'down')
  t.equal(cache.status().entries, 0, 'nothing is kept that cannot be believed')
  await client.del(key)
  t.equal(await get(ticket, handle), undefined)
  proxy.pass()
  await until(() => tracking.state() === 'up')
  t.equal(await get(ticket, handle), undefined)
  t.notOk(tombstones.has(handle), 'an empty server after an outage would bury everybody')
  await client.restore(key, 60_000, saved)
  t.ok(await get(ticket, handle))
})

t.test('the oldest sessions leave when there are too many, and are read again', async t => {
  const { warm, cache, get } = await startTracked(t, server.url, { maxEntries: 3 })
  const sessions = [await warm('a'), await warm('b'), await warm('c')]
  cache.peek(sessions[0]?.handle ?? '')
  sessions.push(await warm('d'))
  t.same(
    sessions.map(({ handle }) => cache.peek(handle) !== undefined),
    [true, false, true, true],
  )
  t.equal(cache.status().entries, 3)
  const second = sessions[1]
  t.ok(second && (await get(second.ticket, second.handle)))
})

t.test('a touch is a write once an interval, and says when the session is gone', async t => {
  const { warm, cache } = await startTracked(t, server.url, { idleTimeout: 1_000 })
  const gone: string[] = []
  cache.onGone(handle => void gone.push(handle))
  const { handle, key } = await warm()
  const session = cache.peek(handle)
  if (session === undefined) throw new Error('cold')
  await commandCounts()
  await until(() => performance.now() > session.idleDeadline - 890)
  for (let i = 0; i < 100; i++) cache.touch(session)
  await until(async () => (await client.pttl(key)) > 900)
  t.match(await commandCounts(), { evalsha: 1 })

  await client.del(key)
  await sleep(110)
  cache.touch(session)
  await until(() => gone.length > 0)
  t.same(gone, [handle])
  t.equal(await client.exists(key), 0, 'SL-08 and it is not made anew')
})

t.test('what a touch found gone is not served again, announced or not', async t => {
  const { warm, cache } = await startTracked(t, server.url, {
    idleTimeout: 1_000,
    wrap: store => ({ ...store, touch: async () => false }),
  })
  const { handle } = await warm()
  const session = cache.peek(handle)
  if (session === undefined) throw new Error('cold')
  await until(() => performance.now() > session.idleDeadline - 890)
  t.ok(cache.peek(handle))
  cache.touch(session)
  await until(() => cache.peek(handle) === undefined)
  t.ok(performance.now() < session.idleDeadline, 'not by itself')
})

t.test('a touch that fails harms nobody', async t => {
  const failing = { touch: () => Promise.reject(new Error('no')) }
  const { warm, cache, lines } = await startTracked(t, server.url, {
    idleTimeout: 1_000,
    wrap: store => ({ ...store, ...failing }),
  })
  const { handle } = await warm()
  const session = cache.peek(handle)
  if (session === undefined) throw new Error('cold')
  await until(() => performance.now() > session.idleDeadline - 890)
  cache.touch(session)
  await until(() => lines.some(({ msg }) => msg === 'a session could not be touched'))
})

t.test('what is forgotten is read again', async t => {
  const { warm, cache, get } = await startTracked(t, server.url)
  const { ticket, handle } = await warm()
  cache.forget(handle)
  t.equal(cache.peek(handle), undefined)
  t.ok(await get(ticket, handle))
})
