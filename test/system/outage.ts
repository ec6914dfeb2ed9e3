// An outage is not a log-out.
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

t.test(
  'Redis stopped in mid-use: 503 with Retry-After, cookie untouched; started again: the same cookie works (FL-01)',
  async t => {
    const redis = await startRedis(t)
    const api = createLoginApi()
    const upstream = await startUpstream(t, api.answer)
    const gateway = await startGateway(
      t,
      `redis: { url: ${redis.url} }\nloginPage: /login\n${routesTo(
        upstream.url,
        `  - { path: /app, upstream: "${upstream.url}", pages: true }\n  - { path: /free, upstream: "${upstream.url}", auth: none }\n  - { path: /login, upstream: "${upstream.url}", auth: none }`,
      )}`,
    )
    const readiness = async () => (await fetch(`${gateway.admin}/readyz`)).status
    const { cookie } = await login(gateway, 'alice')
    t.equal((await get(gateway, '/api/x', cookie)).status, 200)
    t.equal(await readiness(), 200)

    await redis.stop()
    await until(async () => (await get(gateway, '/api/x', cookie)).status === 503)
    const before = upstream.bytes()
    for (const path of ['/api/x', '/app/page', '/auth/session']) {
      const response = await get(gateway, path, cookie, {
        headers: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      })
      t.equal(response.status, 503, path)
      t.equal(response.headers.get('retry-after'), '1')
      t.strictSame(response.headers.getSetCookie(), [])
      t.equal(response.headers.get('location'), null, 'no login loop')
    }
    const out = await get(gateway, '/auth/logout', cookie, { method: 'POST' })
    t.equal(out.status, 503)
    t.strictSame(out.headers.getSetCookie(), [], 'the session lives on, and so does its cookie')
    t.equal((await login(gateway, 'bob')).response.status, 503)
    t.equal(upstream.bytes(), before, 'the upstream saw nothing, no password either')
    t.equal((await get(gateway, '/free', '')).status, 200, 'routes without sessions go on')
    t.equal(await readiness(), 503)
    t.equal((await fetch(`${gateway.admin}/livez`)).status, 200)

    await redis.start()
    await until(async () => (await get(gateway, '/api/x', cookie)).status === 200)
    t.equal(await readiness(), 200)
    t.notMatch(gateway.log(), '"status":401')
  },
)

t.test('a gateway that starts before its Redis answers 503 until Redis is there', async t => {
  const redis = await startRedis(t)
  const upstream = await startUpstream(t)
  await redis.stop()
  const gateway = await startGateway(t, `redis: { url: ${redis.url} }\n${routesTo(upstream.url)}`)
  const cookie = `__Host-Http-session=${'x'.repeat(43)}`
  t.equal((await get(gateway, '/api/x', cookie)).status, 503)
  await redis.start()
  await until(async () => (await get(gateway, '/api/x', cookie)).status === 401)
})

/** A gateway on a Redis of its own, with two people logged in. */
const start = async (t: Parameters<typeof startRedis>[0], ...args: string[]) => {
  const redis = await startRedis(t, ...args)
  const api = createLoginApi()
  const upstream = await startUpstream(t, api.answer)
  const gateway = await startGateway(t, `redis: { url: ${redis.url} }\n${routesTo(upstream.url)}`)
  const alice = await login(gateway, 'alice')
  const bob = await login(gateway, 'bob')
  for (const { cookie } of [alice, bob]) await get(gateway, '/api/x', cookie)
  return { redis, upstream, gateway, alice, bob }
}

t.test(
  'Redis paused: 503 within the command time-out once the lease is over, then as before (FL-02)',
  async t => {
    const { redis, gateway, alice } = await start(t)
    redis.pause()
    t.teardown(() => redis.resume())
    await until(async () => (await get(gateway, '/api/x', alice.cookie)).status === 503)
    const asked = performance.now()
    t.equal((await get(gateway, '/api/x', alice.cookie)).status, 503)
    // The command time-out is 500 ms; what is above is the machine's.
    t.ok(performance.now() - asked < 2_000)
    redis.resume()
    await until(async () => (await get(gateway, '/api/x', alice.cookie)).status === 200)
    t.notMatch(gateway.log(), '"status":401')
  },
)

t.test(
  'Redis full: sessions go on, log-out works, a login is 503 and leaves nothing half-made (FL-03)',
  async t => {
    const { redis, gateway, alice, bob } = await start(t)
    await redis.client.config('SET', 'maxmemory', '1')
    await redis.client.config('SET', 'maxmemory-policy', 'noeviction')
    t.equal((await get(gateway, '/api/x', alice.cookie)).status, 200)
    const before = (await redis.client.keys('*')).sort()
    const refused = await login(gateway, 'carol')
    t.equal(refused.response.status, 503)
    t.strictSame(refused.response.headers.getSetCookie(), [])
    t.strictSame((await redis.client.keys('*')).sort(), before)
    t.equal((await get(gateway, '/auth/logout', bob.cookie, { method: 'POST' })).status, 200)
    t.equal((await get(gateway, '/api/x', bob.cookie)).status, 401)
    await redis.client.config('SET', 'maxmemory', '0')
    t.equal((await login(gateway, 'carol')).response.status, 200)
  },
)

t.test(
  'Redis read-only (a replica by now): 503, never a log-out; a master again: as before (FL-03)',
  async t => {
    const { redis, gateway, alice } = await start(t)
    await redis.client.replicaof('127.0.0.1', 1)
    await until(async () => (await login(gateway, 'carol')).response.status === 503)
    const answers = new Set<number>()
    for (let i = 0; i < 20; i++) answers.add((await get(gateway, '/api/x', alice.cookie)).status)
    t.notOk(answers.has(401))
    const out = await get(gateway, '/auth/logout', alice.cookie, { method: 'POST' })
    t.equal(out.status, 503)
    t.strictSame(out.headers.getSetCookie(), [])
    await redis.client.replicaof('NO', 'ONE')
    await until(async () => (await get(gateway, '/api/x', alice.cookie)).status === 200)
    t.equal((await login(gateway, 'carol')).response.status, 200)
  },
)

t.test(
  'Redis restarted empty: everybody logs in again, nothing crashes, nothing comes back',
  async t => {
    const { redis, gateway, alice } = await start(t)
    await redis.client.flushall()
    await redis.kill()
    await redis.start()
    await until(async () => (await get(gateway, '/api/x', alice.cookie)).status === 401)
    const again = await login(gateway, 'alice', alice.cookie)
    t.equal((await get(gateway, '/api/x', again.cookie)).status, 200)
    t.equal((await get(gateway, '/api/x', alice.cookie)).status, 401)
  },
)

t.test('FLUSHALL alone is heard at once', async t => {
  const { redis, gateway, alice, upstream } = await start(t)
  await redis.client.flushall()
  await until(async () => (await get(gateway, '/api/x', alice.cookie)).status === 401)
  const before = upstream.bytes()
  t.equal((await get(gateway, '/api/x', alice.cookie)).status, 401)
  t.equal(upstream.bytes(), before)
})
