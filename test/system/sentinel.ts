// Three sentinels, a master, a replica, and a master that dies under load.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import { startGateway, testFolder } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

type Test = Parameters<typeof startRedis>[0]

const startSentinel = async (t: Test, master: number): Promise<number> => {
  const port = await freePort()
  const file = join(await testFolder(t), 'sentinel.conf')
  const settings = [
    ...[`port ${port}`, 'bind 127.0.0.1', 'sentinel resolve-hostnames no'],
    ...[
      `sentinel monitor main 127.0.0.1 ${master} 2`,
      'sentinel down-after-milliseconds main 1000',
    ],
    ...['sentinel failover-timeout main 5000', 'sentinel parallel-syncs main 1'],
  ]
  await writeFile(file, settings.join('\n'))
  const child: ChildProcess = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return port
}

const fieldOf = (info: string, name: string): string =>
  new RegExp(`${name}:(\\S+)`).exec(info)?.[1] ?? ''

t.test(
  'the master is killed under load: acknowledged log-outs stay, everybody else goes on, nobody is logged out (RV-17)',
  async t => {
    const master = await startRedis(t)
    const replica = await startRedis(t, '--replicaof', `127.0.0.1 ${master.port}`)
    await until(
      async () => fieldOf(await master.client.info('replication'), 'connected_slaves') === '1',
    )
    await until(
      async () => fieldOf(await replica.client.info('replication'), 'master_link_status') === 'up',
    )
    const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(t, master.port)))
    const sentinel = new Redis(sentinels[0] ?? 0, '127.0.0.1', {
      maxRetriesPerRequest: 500,
      retryStrategy: () => 50,
    })
    sentinel.on('error', () => undefined)
    t.teardown(() => sentinel.disconnect())
    const known = async () => {
      const answer: unknown = await sentinel.call('SENTINEL', 'MASTER', 'main')
      const flat = Array.isArray(answer) ? answer.map(String) : []
      return (
        flat[flat.indexOf('num-slaves') + 1] === '1' &&
        flat[flat.indexOf('num-other-sentinels') + 1] === '2'
      )
    }
    await until(known)

    const api = createLoginApi()
    const upstream = await startUpstream(t, api.answer)
    const nodes = sentinels.map(port => `127.0.0.1:${port}`).join(', ')
    const gateway = await startGateway(
      t,
      `redis: { sentinel: { name: main, nodes: [${nodes}] } }\n${routesTo(upstream.url)}`,
    )
    await until(async () => (await login(gateway, 'first')).response.status === 200)
    const people = await Promise.all(
      Array.from({ length: 12 }, (_, i) => login(gateway, `user-${i}`)),
    )
    for (const { cookie } of people) t.equal((await get(gateway, '/api/x', cookie)).status, 200)

    const stay = people.slice(6)
    const seen = new Map<number, number>()
    let running = true
    const load = Promise.all(
      stay.map(async ({ cookie }) => {
        while (running) {
          const { status } = await get(gateway, '/api/x', cookie)
          seen.set(status, (seen.get(status) ?? 0) + 1)
        }
      }),
    )
    const leave = people.slice(0, 6)
    for (const { cookie } of leave)
      t.equal((await get(gateway, '/auth/logout', cookie, { method: 'POST' })).status, 200)
    await master.kill()
    await until(async () => fieldOf(await replica.client.info('replication'), 'role') === 'master')
    await until(async () => (await login(gateway, 'newcomer')).response.status === 200)
    for (const { cookie } of stay)
      await until(async () => (await get(gateway, '/api/x', cookie)).status === 200)
    running = false
    await load
    for (const { cookie } of leave) t.equal((await get(gateway, '/api/x', cookie)).status, 401)
    t.equal(seen.get(401), undefined, 'nobody was logged out')
    t.strictSame(
      [...seen.keys()].filter(status => status !== 200 && status !== 503),
      [],
    )
    t.comment(`answers to those who stayed: ${JSON.stringify(Object.fromEntries(seen))}`)
  },
)
