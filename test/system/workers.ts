// `workers: 2`: two processes behind one listener, and a third that speaks for them.
import t from 'tap'
import { get, login } from '../fixtures/login-api.ts'
import { until } from '../fixtures/until.ts'
import {
  askAll,
  isAlive,
  reload,
  startWorkers,
  told,
  total,
  workersOf,
} from '../fixtures/workers.ts'

const token = 'an-admin-token-that-is-quite-long-enough'

const withToken = (yaml: string) => yaml.replace('127.0.0.1:0 }', `127.0.0.1:0, token: ${token} }`)

t.test('workers share one port, and what ends a session ends it in all of them', async t => {
  const { redis, gateway } = await startWorkers(t)
  t.equal((await workersOf(gateway)).size, 2)
  t.match(told(gateway, /^listening$/), { url: gateway.url, workers: 2 })
  const alice = await login(gateway, 'alice')
  const both = async (path: string, cookie: string) =>
    [...(await askAll(gateway, path, cookie)).values()].map(text => text.slice(0, 3))

  t.same(await both('/api/who', alice.cookie), ['200', '200'], 'both have it in memory')
  await redis.client.del(...(await redis.client.keys('*session:*')))
  await until(async () => (await both('/api/who', alice.cookie)).every(status => status === '401'))
  t.same(await both('/api/who', alice.cookie), ['401', '401'], 'a key that is deleted by hand')

  t.match(await reload(gateway, withToken), { level: 'info' })
  const bob = await login(gateway, 'bob')
  t.same(await both('/api/who', bob.cookie), ['200', '200'])
  const order = await fetch(`${gateway.admin}/sessions?provider=api&sub=bob`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
  })
  t.match(await order.json(), { ended: 1 })
  await until(async () => (await both('/api/who', bob.cookie)).every(status => status === '401'))
  t.match(told(gateway, /^sessions_ended$/), { by: 'admin', via: 'api', ended: 1 })

  const ready = async () => (await fetch(`${gateway.admin}/readyz`)).json()
  t.match(await ready(), { ready: true, checks: { workers: 'ok' }, notes: [] })
  await get(gateway, '/api/who', '', { headers: { 'x-forwarded-for': '192.0.2.1' } })
  t.match(await ready(), { ready: true, notes: [/trustedProxies/] }, 'a note of one of them')

  t.ok(gateway.lines.every(({ worker }) => worker === undefined || Number.isInteger(worker)))
  for (const pid of (await workersOf(gateway)).values()) process.kill(pid, 'SIGTERM')
  t.same(await both('/api/who', ''), ['401', '401'], 'signals to workers mean nothing')
})

t.test('a killed worker is replaced; sessions go on and no counter goes back', async t => {
  const { gateway } = await startWorkers(t)
  const { cookie } = await login(gateway, 'alice')
  await askAll(gateway, '/api/who', cookie)

  let stop = false
  let answered = 0
  let lost = 0
  const load = async () => {
    while (!stop) {
      try {
        const res = await get(gateway, '/api/who', cookie, { headers: { connection: 'close' } })
        t.equal(`${res.status} ${await res.text()}`, '200 old')
        answered++
      } catch {
        lost++
      }
    }
  }
  const loads = Array.from({ length: 4 }, load)
  await until(() => answered > 50)
  let before = await total(gateway, 'claimcheck_requests_total')
  const first = before
  const pid = (await workersOf(gateway)).get(1) ?? 0
  process.kill(pid, 'SIGKILL')
  await until(() => told(gateway, /^a worker ended/))
  t.match(told(gateway, /^a worker ended/), { worker: 1, reason: /SIGKILL/ })
  await until(async () => {
    const now = await total(gateway, 'claimcheck_requests_total')
    t.ok(now >= before, `${now} is not less than ${before}`)
    before = now
    return (await total(gateway, 'claimcheck_workers ')) === 2
  })
  t.equal(isAlive(pid), false)
  stop = true
  await Promise.all(loads)
  t.ok(lost <= loads.length, `${lost}: nothing but what it had under way`)

  t.same([...(await askAll(gateway, '/api/who', cookie)).values()], ['200 old', '200 old'])
  t.equal(await total(gateway, 'claimcheck_worker_restarts_total'), 1)
  t.ok((await total(gateway, 'claimcheck_requests_total')) > first)
  t.equal(await total(gateway, 'claimcheck_redis_up'), 1)
  t.equal((await fetch(`${gateway.admin}/readyz`)).status, 200)
})
