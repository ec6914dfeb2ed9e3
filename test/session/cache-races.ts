import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startRedis } from '../fixtures/redis.ts'
import { loginOf, openStore } from '../fixtures/sessions.ts'
import { startTcpProxy } from '../fixtures/tcp-proxy.ts'
import { startTracked } from '../fixtures/tracked.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(t)
const { client } = server

const upTo = (milliseconds: number) => () => Math.random() * milliseconds
const none = () => 0

for (const { name, deleting, data, announcements } of [
  { name: 'nothing is late', deleting: none, data: none, announcements: none },
  { name: 'deletes are', deleting: upTo(4), data: none, announcements: none },
  { name: 'answers are', deleting: upTo(4), data: upTo(8), announcements: none },
  { name: 'announcements are', deleting: upTo(4), data: none, announcements: upTo(8) },
  { name: 'both are', deleting: upTo(8), data: upTo(8), announcements: upTo(8) },
]) {
  t.test(
    `SL-08 of 800 readings that race an end or a change none is left in memory: ${name}`,
    async t => {
      const [dataProxy, announcementProxy] = [
        await startTcpProxy(t, server.port),
        await startTcpProxy(t, server.port),
      ]
      const direct = await openStore(t, server.url)
      const { cache, login, tracking, keys, store } = await startTracked(
        t,
        dataProxy.via(server.url),
        { announced: announcementProxy.via(server.url), lease: 60_000, maxEntries: 10_000 },
      )
      const heard = new Set<string>()
      tracking.listen({
        invalidated: names => {
          for (const one of names) heard.add(one)
        },
        ...{ flushed: () => undefined, up: () => undefined, down: () => undefined },
      })
      let kept = 0
      let wrong = 0
      for (let batch = 0; batch < 8; batch++) {
        const logins = Array.from({ length: 100 }, (_, i) => login(`user${i}`))
        const sessions = await Promise.all(logins)
        dataProxy.delay(data)
        announcementProxy.delay(announcements, 'toClient')
        const race = sessions.map(async ({ ticket, handle, key, userKey }, i) => {
          const reading = cache.read(ticket, handle)
          await sleep(deleting())
          if (i % 4 === 0) await client.del(key)
          else if (i % 4 === 1) await client.del(userKey)
          else if (i % 4 === 2) {
            const session = await direct.read(ticket)
            const { tokens } = loginOf('somebody')
            if (session) await direct.replace(ticket, session, tokens, undefined)
          } else if (i % 8 === 3) await client.pexpire(key, 50_000)
          await reading
        })
        await Promise.all(race)
        dataProxy.pass()
        announcementProxy.pass()
        const last = keys.user('test', `${name} ${batch}`)
        await client.set(last, '1', 'PX', 1_000)
        await until(() => heard.has(last))
        await sleep(20)
        for (const { ticket, handle } of sessions) {
          const there = cache.peek(handle)
          if (there === undefined) continue
          kept++
          if ((await store.read(ticket))?.version !== there.version) wrong++
        }
      }
      t.equal(wrong, 0)
      t.ok(kept > 80, `${kept} of 400 live ones are in memory`)
    },
  )
}

t.test(
  'FL-02 RV-01 behind a silent link nothing is served from memory after the lease',
  async t => {
    const lease = 400
    for (const silence of ['announcements', 'everything', 'what is sent'] as const) {
      const proxy = await startTcpProxy(t, server.port)
      const announced = proxy.via(server.url)
      const url = silence === 'everything' ? announced : server.url
      const { cache, warm, tracking } = await startTracked(t, url, { announced, lease })
      const { handle, key } = await warm()
      if (silence === 'what is sent') proxy.blackhole('toServer')
      else proxy.blackhole('toClient')
      await client.del(key)
      const deleted = performance.now()
      let last = 0
      while (performance.now() < deleted + 3 * lease) {
        if (cache.peek(handle) !== undefined) last = performance.now()
        await sleep(1)
      }
      const served = last === 0 ? 0 : last - deleted
      t.comment(`${silence} silent: last served ${served.toFixed(0)} ms after the DEL`)
      t.ok(served < lease)
      t.not(tracking.state(), 'up')
    }
  },
)

t.test('FL-02 with Redis stopped nothing is served from memory after the lease', async t => {
  const redis = await startRedis(t)
  const lease = 400
  const { cache, warm, tracking } = await startTracked(t, redis.url, { lease })
  const { handle, ticket } = await warm()
  redis.pause()
  const paused = performance.now()
  let last = 0
  while (performance.now() < paused + 3 * lease) {
    if (cache.peek(handle) !== undefined) last = performance.now()
    await sleep(1)
  }
  t.ok(last > paused, 'for a while it is')
  t.ok(last < paused + lease, `last served ${(last - paused).toFixed(0)} ms after the stop`)
  await t.rejects(cache.read(ticket, handle), { code: 'redis_unavailable' })
  redis.resume()
  await until(() => tracking.state() === 'up')
  await until(async () => cache.read(ticket, handle).catch(() => undefined))
  t.ok(cache.peek(handle), 'the session has survived')
})

t.test('a gateway that was stopped for longer than the lease serves nothing it knew', async t => {
  const store = await openStore(t, server.url)
  const created = await store.create(loginOf('alice'))
  if (created.kind !== 'created') throw new Error(created.kind)
  const lease = 500
  const child = fork(join(import.meta.dirname, '../fixtures/warm-process.ts'), [
    server.url,
    String(lease),
  ])
  t.teardown(() => child.kill('SIGKILL'))
  const told = async () => {
    const [message] = await once(child, 'message')
    return message
  }
  child.send({ ticket: created.ticket, handle: created.handle })
  t.equal(await told(), 'warm')
  child.send('how often?')
  const before = await told()
  t.ok(before.hits > 0)

  child.kill('SIGSTOP')
  await sleep(20)
  const stopped = Date.now()
  await sleep(lease + 100)
  await client.del(`claimcheck:session:${created.handle}`)
  child.kill('SIGCONT')
  await sleep(500)
  child.send('how often?')
  const after = await told()
  t.ok(after.last <= stopped, 'its first look found nothing to serve')
})

t.test('whatever breaks, no end is served for longer than the lease', async t => {
  const redis = await startRedis(t)
  const proxies = [await startTcpProxy(t, redis.port), await startTcpProxy(t, redis.port)] as const
  const lease = 300
  const { cache, keys, login } = await startTracked(t, proxies[0].via(redis.url), {
    announced: proxies[1].via(redis.url),
    lease,
  })
  const faults = [
    () => redis.client.client('KILL', 'TYPE', 'PUBSUB'),
    () => redis.client.client('KILL', 'TYPE', 'NORMAL'),
    () => proxies[0].reset(),
    () => proxies[1].reset(),
    () => proxies[1].stall('toClient'),
    () => proxies[1].stall('toServer'),
    () => proxies[0].stall('toClient'),
    () => proxies[1].delay(upTo(40)),
    () => redis.pause(),
    () => redis.client.flushall(),
  ]
  const direct = await openStore(t, redis.url)
  let latest = 0
  let ends = 0
  let hits = 0
  const watch = async (deadline: number) => {
    while (performance.now() < deadline) {
      const created = await direct.create(loginOf(`user${ends % 7}`)).catch(() => undefined)
      if (created?.kind !== 'created') {
        await sleep(10)
        continue
      }
      const { ticket, handle } = created
      const key = ends++ % 2 === 0 ? keys.session(handle) : keys.user('oidc', `user${ends % 7}`)
      await cache.read(ticket, handle).catch(() => undefined)
      let ended = Number.POSITIVE_INFINITY
      const ending = redis.client.unlink(key, keys.session(handle)).then(() => {
        ended = performance.now()
      })
      for (let i = 0; i < 60; i++) {
        const now = performance.now()
        if (cache.peek(handle) !== undefined) {
          hits++
          latest = Math.max(latest, now - ended)
        }
        await sleep(5)
      }
      await ending
    }
  }
  t.teardown(() => redis.resume())
  const deadline = performance.now() + 5_000
  const watching = Array.from({ length: 20 }, () => watch(deadline))
  while (performance.now() < deadline) {
    const fault = faults[Math.floor(Math.random() * faults.length)]
    await fault?.()
    await sleep(Math.random() * 500)
    redis.resume()
    for (const proxy of proxies) proxy.pass()
    await sleep(Math.random() * 300)
  }
  await Promise.all(watching)
  t.comment(`${ends} ends, ${hits} hits, the latest ${latest.toFixed(0)} ms after one`)
  t.ok(latest < lease)
  t.ok(ends > 100)
  t.ok(hits > 100)
  await login()
})
