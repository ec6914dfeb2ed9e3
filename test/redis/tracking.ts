import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { announcementOptions } from '../../src/redis/announcements.ts'
import { openConnection, type Redis } from '../../src/redis/client.ts'
import { createTracking, type Tracking } from '../../src/redis/tracking.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { startRedis } from '../fixtures/redis.ts'
import { connect } from '../fixtures/sessions.ts'
import { startTcpProxy } from '../fixtures/tcp-proxy.ts'
import { until } from '../fixtures/until.ts'

const lease = 300

interface Ends {
  /** Where announcements come from, and where the rest goes. */
  readonly announced: string
  readonly data?: string
  readonly lease?: number
}

const track = async (t: Test, ends: Ends | string) => {
  const {
    announced,
    data = announced,
    ...more
  }: Ends = typeof ends === 'string' ? { announced: ends } : ends
  const { log, lines } = recordLog()
  const redis: Redis = await connect(t, data, 500)
  const events: string[] = []
  const tracking = createTracking({
    connect: () => openConnection({ url: announced, commandTimeout: 500 }, announcementOptions),
    data: redis,
    prefixes: ['session:', 'user:'],
    canaryKey: 'canary:me',
    lease: more.lease ?? lease,
    log,
  })
  tracking.listen({
    invalidated: keys => void events.push(...keys),
    flushed: () => void events.push('(flushed)'),
    up: () => void events.push('(up)'),
    down: () => void events.push('(down)'),
  })
  t.teardown(tracking.close)
  tracking.start()
  return { tracking, events, lines, redis, warnings: () => lines.filter(l => l.level === 'warn') }
}
const isUp = (tracking: Tracking) => () => tracking.state() === 'up'
const left = (tracking: Tracking) => tracking.leaseUntil() - performance.now()

t.test('it goes up with a lease, a canary that expires, and a time for the way there', async t => {
  const { openUrl: url, client } = await startRedis(t)
  const { tracking, events, lines } = await track(t, url)
  t.equal(tracking.state(), 'down')
  t.equal(tracking.leaseUntil(), Number.NEGATIVE_INFINITY)
  t.equal(tracking.roundTrip(), undefined)
  tracking.start()
  await until(isUp(tracking))
  t.ok(left(tracking) > 0)
  t.ok(left(tracking) <= lease)
  t.ok((tracking.roundTrip() ?? 0) > 0)
  const ttl = await client.pttl('canary:me')
  t.ok(ttl > 50_000 && ttl <= 60_000)
  await client.mset('session:1', '1', 'user:1', '1', 'other', '1', 'canary:you', '1')
  await until(() => events.length === 3)
  t.same(events, ['(up)', 'session:1', 'user:1'], 'its own canary is nobody else’s business')
  t.same(
    lines.map(({ level, msg }) => [level, msg]),
    [['info', 'Redis announces changes: requests are served from memory']],
  )
})

t.test('the lease is renewed again and again, by one connection', async t => {
  const { openUrl: url, client } = await startRedis(t)
  const { tracking, events } = await track(t, url)
  await until(isUp(tracking))
  const first = tracking.leaseUntil()
  await until(() => tracking.leaseUntil() > first + 2 * lease)
  t.same(events, ['(up)'])
  const { connected_clients } = Object.fromEntries(
    (await client.info('clients')).split('\r\n').map(line => line.split(':')),
  )
  t.equal(Number(connected_clients), 3, 'the test’s, the one for data and the one that announces')
})

t.test('a flush is told, and is another epoch', async t => {
  const { openUrl: url, client } = await startRedis(t)
  const { tracking, events } = await track(t, url)
  await until(isUp(tracking))
  const epoch = tracking.epoch()
  await client.flushall()
  await until(() => events.includes('(flushed)'))
  t.not(tracking.epoch(), epoch)
  t.equal(tracking.state(), 'up')
  await until(() => client.exists('canary:me'))
  t.equal(tracking.state(), 'up', 'the next canary is written anew')
})

t.test('FL-02 a paused Redis renews no lease; awake again it is trusted anew', async t => {
  const redis = await startRedis(t)
  const { tracking, events } = await track(t, redis.openUrl)
  for (let round = 0; round < 2; round++) {
    await until(isUp(tracking))
    events.length = 0
    redis.pause()
    const paused = performance.now()
    const epoch = tracking.epoch()
    let latest = Number.NEGATIVE_INFINITY
    while (tracking.state() === 'up') {
      latest = Math.max(latest, tracking.leaseUntil())
      await sleep(1)
    }
    t.ok(latest <= paused + lease, 'no PONG came for a PING sent after the pause')
    t.ok(performance.now() - paused >= lease, 'silence alone does not end what the lease covers')
    t.equal(tracking.leaseUntil(), Number.NEGATIVE_INFINITY)
    t.same(events, ['(down)'])
    const down = tracking.epoch()
    t.not(down, epoch)
    redis.resume()
    await until(isUp(tracking))
    t.not(tracking.epoch(), down)
  }
})

t.test('the lease counts from when the PING was sent, not from when the PONG came', async t => {
  const redis = await startRedis(t)
  const proxy = await startTcpProxy(t, redis.port)
  const announced = `redis://127.0.0.1:${proxy.port}`
  const { tracking } = await track(t, { announced, data: redis.openUrl })
  const late = 150
  proxy.delay(() => late, 'toClient')
  await until(isUp(tracking))
  let seen = 0
  let last = tracking.leaseUntil()
  while (seen < 5) {
    await sleep(1)
    if (tracking.leaseUntil() === last) continue
    last = tracking.leaseUntil()
    seen++
    t.ok(left(tracking) <= lease - late, `${Math.round(left(tracking))} ms left`)
  }
})

t.test('a link that swallows what the server says is given up, and another one taken', async t => {
  const redis = await startRedis(t)
  const proxy = await startTcpProxy(t, redis.port)
  const announced = `redis://127.0.0.1:${proxy.port}`
  const { tracking, events } = await track(t, { announced, data: redis.openUrl })
  await until(isUp(tracking))
  for (const directions of [['toClient'], ['toServer'], ['toServer', 'toClient']] as const) {
    events.length = 0
    proxy.blackhole(...directions)
    const start = performance.now()
    await redis.client.set('session:lost', '1')
    await until(() => tracking.state() === 'down')
    t.ok(performance.now() - start < 10 * lease)
    t.notOk(events.includes('(up)'))
    proxy.pass()
    await until(isUp(tracking))
    await redis.client.set('session:heard', '1')
    await until(() => events.includes('session:heard'))
    t.equal(proxy.connections(), 1, 'the dead connection was closed, not only forgotten')
  }
})

t.test('a connection that closes, either of them, is down at once and up again', async t => {
  const redis = await startRedis(t)
  // No PING for a quarter of an hour: only the close itself can tell.
  const patient = { announced: redis.openUrl, lease: 3_600_000 }
  const { tracking, events, redis: data } = await track(t, patient)
  await until(isUp(tracking))

  events.length = 0
  await redis.client.client('KILL', 'TYPE', 'PUBSUB')
  await until(() => events.includes('(up)'))
  await redis.client.set('session:1', '1')
  await until(() => events.includes('session:1'))
  t.same(events, ['(down)', '(up)', 'session:1'], 'and the new connection is tracked')

  events.length = 0
  await redis.client.client('KILL', 'ID', await data.client('ID'))
  await once(data, 'close')
  t.equal(tracking.state(), 'down', 'the next one may lead to another server')
  t.equal(tracking.leaseUntil(), Number.NEGATIVE_INFINITY)
  await until(isUp(tracking))
  t.same(events, ['(down)', '(up)'])
})

t.test('FL-03 it outlives a restart of Redis', async t => {
  const redis = await startRedis(t)
  const { tracking, lines } = await track(t, redis.openUrl)
  await until(isUp(tracking))
  await redis.kill()
  await until(() => tracking.state() === 'down')
  await sleep(200)
  await redis.start()
  await until(isUp(tracking))
  t.same(
    lines.filter(({ level }) => level !== 'debug').map(({ level }) => level),
    ['info', 'warn', 'info'],
    'one line for each change, whatever the number of attempts',
  )
})

t.test('it starts before Redis does', async t => {
  const redis = await startRedis(t)
  const proxy = await startTcpProxy(t, redis.port)
  proxy.refuse()
  const announced = `redis://127.0.0.1:${proxy.port}`
  const { tracking } = await track(t, { announced, data: redis.openUrl })
  await sleep(200)
  t.equal(tracking.state(), 'down')
  proxy.pass()
  await until(isUp(tracking))
})

t.test('both connections must lead to one server', async t => {
  const [one, other] = await Promise.all([startRedis(t), startRedis(t)])
  const { tracking, warnings } = await track(t, { announced: one.openUrl, data: other.openUrl })
  await until(() => tracking.state() === 'unsupported')
  t.equal(tracking.leaseUntil(), Number.NEGATIVE_INFINITY)
  t.match(warnings(), [{ err: { message: 'a write was not announced' } }])
})

t.test(
  'a server that takes no writes is not trusted: a replica, a master cut off from its own',
  async t => {
    const [master, replica] = await Promise.all([startRedis(t), startRedis(t)])
    const { tracking, events } = await track(t, replica.openUrl)
    await until(isUp(tracking))
    await replica.client.replicaof('127.0.0.1', master.port)
    await until(() => tracking.state() === 'down')
    t.ok(events.includes('(down)'))
    await replica.client.replicaof('NO', 'ONE')
    await until(isUp(tracking))
    await replica.client.config('SET', 'min-replicas-to-write', '1')
    await until(() => tracking.state() === 'down')
    await sleep(lease)
    t.equal(tracking.state(), 'down', 'NOREPLICAS: somebody else may be the master now')
    await replica.client.config('SET', 'min-replicas-to-write', '0')
    await until(isUp(tracking))
  },
)

t.test('a full Redis is trusted like any other', async t => {
  const { openUrl: url, client } = await startRedis(t)
  const { tracking, events } = await track(t, url)
  await until(isUp(tracking))
  await client.config('SET', 'maxmemory', '1')
  await t.rejects(client.set('session:1', '1'), { message: /^OOM/ })
  const first = tracking.leaseUntil()
  await until(() => tracking.leaseUntil() > first + 3 * lease)
  t.same(events, ['(up)'])
})

t.test('a server that refuses to track is asked rarely, and that is said once', async t => {
  const { client, port } = await startRedis(t)
  const rights = ['~*', '&*', '+@all', '-client|tracking']
  await client.acl('SETUSER', 'deaf', 'on', '>secret', ...rights)
  const url = `redis://deaf:secret@127.0.0.1:${port}`
  const { tracking, events, warnings } = await track(t, url)
  await until(() => tracking.state() === 'unsupported')
  t.equal(tracking.leaseUntil(), Number.NEGATIVE_INFINITY)
  t.same(events, [])
  const refused = performance.now()
  await client.acl('SETUSER', 'deaf', '+client|tracking')
  await until(isUp(tracking))
  t.ok(performance.now() - refused > 900, 'a second later, then two, up to half a minute')
  t.match(warnings(), [{ msg: 'Redis does not announce changes: every request asks it' }])
  t.equal(warnings().length, 1)
})

t.test('a user who may not write the canary cannot prove anything', async t => {
  const { client, port } = await startRedis(t)
  await client.acl('SETUSER', 'mute', 'on', '>secret', '~session:*', '&*', '+@all')
  const { tracking, warnings } = await track(t, `redis://mute:secret@127.0.0.1:${port}`)
  await until(() => tracking.state() === 'unsupported')
  t.match(warnings(), [{ err: { message: /^canary: NOPERM/ } }])
})

t.test('a link that carries PONGs but eats announcements is found out by the canary', async t => {
  const redis = await startRedis(t)
  const proxy = await startTcpProxy(t, redis.port)
  const announced = `redis://127.0.0.1:${proxy.port}`
  const { tracking, events, warnings } = await track(t, { announced, data: redis.openUrl })
  await until(isUp(tracking))
  proxy.filter(chunk => !chunk.includes('message') || chunk.includes('pong'), 'toClient')
  await until(() => tracking.state() === 'unsupported')
  t.same(events, ['(up)', '(down)'])
  t.match(warnings().at(-1), { err: { message: 'a write was not announced' } })
  proxy.pass()
  await until(isUp(tracking))
})

t.test('closed, it is silent', async t => {
  const { openUrl: url, client } = await startRedis(t)
  const { tracking, events, lines } = await track(t, url)
  await until(isUp(tracking))
  await tracking.close()
  t.equal(tracking.leaseUntil(), Number.NEGATIVE_INFINITY)
  await client.set('session:1', '1')
  await until(async () => !String(await client.client('LIST')).includes('sub=1'))
  t.same(events, ['(up)', '(down)'])
  t.equal(lines.length, 1, 'and nobody is warned of it')
  await tracking.close()
})
