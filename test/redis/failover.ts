import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createRedis } from '../../src/redis/client.ts'
import { watchFailover } from '../../src/redis/failover.ts'
import { startFakeRedis } from '../fixtures/fake-redis.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

const channel = '+switch-master'

t.test(
  'an announcement counts under its own name only, and again after Sentinel was away',
  async t => {
    const server = await startRedis(t)
    const nodes = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${server.port}`]
    let moves = 0
    const watch = watchFailover({ name: 'mymaster', nodes }, false, () => void moves++)
    t.teardown(() => watch.close())
    const announce = (name: string) =>
      server.client.publish(channel, `${name} 127.0.0.1 1 127.0.0.1 2`)

    await until(async () => (await announce('mymaster')) === 1)
    await until(() => moves === 1)
    await announce('mymaster2')
    await server.stop()
    await server.start()
    await until(async () => (await announce('mymaster')) === 1)
    await until(() => moves > 1)
    t.equal(moves, 2)
  },
)

t.test('a Sentinel that refuses to be listened to is asked again', async t => {
  const server = await startRedis(t)
  await server.client.acl('SETUSER', 'default', 'resetchannels')
  const nodes = [`127.0.0.1:${server.port}`]
  let moves = 0
  const watch = watchFailover({ name: 'mymaster', nodes }, false, () => void moves++)
  t.teardown(() => watch.close())
  const denied = async () => String(await server.client.acl('LOG')).includes(channel)
  await until(denied)
  await server.client.acl('SETUSER', 'default', 'allchannels')
  await until(async () => (await server.client.publish(channel, 'mymaster a b c d')) === 1)
  await until(() => moves > 0)
  t.equal(moves, 1)
})

t.test('Sentinels are spoken to over TLS where the master is', async t => {
  const fake = await startFakeRedis(t, () => undefined)
  const nodes = [fake.url.replace('redis://', '')]
  const watch = watchFailover({ name: 'mymaster', nodes }, true, () => undefined)
  t.teardown(() => watch.close())
  await until(() => fake.chunks.length > 0)
  t.equal(fake.chunks[0]?.charCodeAt(0), 0x16, 'a TLS handshake record')
})

t.test('FL-03 with Sentinel the link follows the master', async t => {
  const first = await startRedis(t)
  const second = await startRedis(t, '--replicaof', '127.0.0.1', String(first.port))
  await until(async () => (await second.client.info('replication')).includes('link_status:up'))

  const port = await freePort()
  const file = join(first.dir, 'sentinel.conf')
  await writeFile(
    file,
    `port ${port}
bind 127.0.0.1
sentinel monitor mymaster 127.0.0.1 ${first.port} 1
sentinel down-after-milliseconds mymaster 1000
sentinel failover-timeout mymaster 3000
`,
  )
  const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  t.teardown(async () => {
    sentinel.kill('SIGKILL')
    await once(sentinel, 'exit')
  })

  const { log, lines } = recordLog()
  const nodes = [`127.0.0.1:${port}`]
  const plan = {
    url: 'redis://ignored',
    sentinel: { name: 'mymaster', nodes },
    commandTimeout: 500,
  }
  const redis = createRedis(plan, log)
  t.teardown(() => redis.close())
  const ports = () => redis.ready() && redis.data.stream.remotePort
  await redis.connect()
  await until(() => ports() === first.port)
  await redis.data.set('k', 'v')
  t.equal(await redis.data.wait(1, 0), 1, 'the replica has it')
  t.match(lines.at(-1), { msg: 'connected to Redis', server: `mymaster at 127.0.0.1:${port}` })

  const operator = createRedis({ url: `redis://127.0.0.1:${port}`, commandTimeout: 500 }, log)
  t.teardown(() => operator.close())
  await operator.connect()
  const ordered = () =>
    operator.data.call('SENTINEL', 'FAILOVER', 'mymaster').catch(() => undefined)
  await until(ordered)
  await until(() => ports() === second.port)
  t.equal(await redis.data.get('k'), 'v')
  t.equal(await redis.data.set('k', 'w'), 'OK')
})
