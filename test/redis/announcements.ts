import { once } from 'node:events'
import t, { type Test } from 'tap'
import {
  announcementOptions,
  arm,
  destroy,
  refusal,
  TrackingRefused,
} from '../../src/redis/announcements.ts'
import { openConnection } from '../../src/redis/client.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startTcpProxy } from '../fixtures/tcp-proxy.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(t)
const { client } = server

const open = (t: Test, url = server.openUrl, overrides = {}) => {
  const options = { ...announcementOptions, ...overrides }
  const redis = openConnection({ url, commandTimeout: 500 }, options)
  redis.on('error', () => undefined)
  t.teardown(() => redis.status === 'end' || destroy(redis))
  return redis
}
const listen = async (t: Test, url?: string, overrides?: object) => {
  const heard: (readonly Buffer[] | undefined)[] = []
  const redis = open(t, url, overrides)
  await arm(redis, ['a:', 'b:'], keys => void heard.push(keys))
  return { redis, heard, names: () => heard.flatMap(keys => keys?.map(String) ?? ['(flush)']) }
}

t.test('writes under the prefixes are announced, others are not', async t => {
  const { names } = await listen(t)
  await client.set('c:1', '1')
  await client.set('a:1', '1')
  await client.set('b:1', '1')
  await client.pexpire('a:1', 60_000)
  await client.del('a:1')
  await client.del('a:never')
  await client.set('b:last', '1')
  await until(() => names().includes('b:last'))
  t.same(names(), ['a:1', 'b:1', 'a:1', 'a:1', 'b:last'])
})

t.test('a key with a comma or bytes that are no text is one key, told as it is', async t => {
  const { heard } = await listen(t)
  const odd = [Buffer.from('a:x,a:y'), Buffer.from([0x61, 0x3a, 0xff, 0x00, 0xfe])]
  for (const key of odd) await client.set(key, '1')
  await until(() => heard.length === 2)
  t.same(heard, [[odd[0]], [odd[1]]])
})

t.test('FLUSHALL, FLUSHDB and whatever else is no list of keys are a flush', async t => {
  const { names } = await listen(t)
  await client.flushall()
  await until(() => names().length === 1)
  await client.flushdb()
  await until(() => names().length === 2)
  await client.publish('__redis__:invalidate', 'a:1')
  await until(() => names().length === 3)
  t.same(names(), ['(flush)', '(flush)', '(flush)'])
})

t.test('a PING on the same connection is answered after the announcements before it', async t => {
  const { redis, names } = await listen(t)
  for (let i = 0; i < 200; i++) {
    await client.set(`a:${i}`, '1')
    await redis.ping()
    t.equal(names().at(-1), `a:${i}`)
  }
})

t.test('a connection in RESP3 would hear nothing', async t => {
  const { redis, heard } = await listen(t, undefined, { protocol: 3 })
  await client.set('a:1', '1')
  await redis.ping()
  await client.set('a:2', '1')
  await redis.ping()
  t.same(heard, [])
})

t.test('a server that may not or cannot track is told apart from one that is away', async t => {
  const rights = ['~*', '&*', '+@all', '-client|tracking']
  await client.acl('SETUSER', 'deaf', 'on', '>secret', ...rights)
  const url = `redis://deaf:secret@127.0.0.1:${server.port}`
  await t.rejects(
    arm(open(t, url), ['a:'], () => undefined),
    {
      name: 'TrackingRefused',
      message: /^CLIENT TRACKING: NOPERM/,
    },
  )
  await client.acl('SETUSER', 'deaf', '+client|tracking', 'resetchannels')
  await t.rejects(
    arm(open(t, url), ['a:'], () => undefined),
    {
      name: 'TrackingRefused',
      message: /^SUBSCRIBE: NOPERM/,
    },
  )
  await client.acl('SETUSER', 'deaf', '-client|id')
  await t.rejects(
    arm(open(t, url), ['a:'], () => undefined),
    {
      name: 'TrackingRefused',
      message: /^CLIENT ID: NOPERM/,
    },
  )
  const proxy = await startTcpProxy(t, server.port)
  proxy.refuse()
  const away = arm(open(t, `redis://127.0.0.1:${proxy.port}`), ['a:'], () => undefined)
  await t.rejects(away)
  t.notOk((await away.catch(error => error)) instanceof TrackingRefused)
})

t.test('a refusal is one of the command, not one of the moment', async t => {
  const asked = refusal('canary')
  t.throws(() => asked(new Error("ERR unknown command 'CLIENT'")), { name: 'TrackingRefused' })
  for (const message of ['READONLY You', 'NOREPLICAS Not', 'LOADING Redis', 'OOM command']) {
    t.throws(() => asked(new Error(message)), { name: 'Error', message })
  }
  t.throws(() => asked('odd'), 'odd')
})

t.test('it is closed at once, also before it ever connected and when nobody answers', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const polite = { disconnectTimeout: 3_600_000 }
  const { redis } = await listen(t, `redis://127.0.0.1:${proxy.port}`, polite)
  proxy.blackhole()
  const closed = once(redis, 'close')
  destroy(redis)
  await closed
  t.pass('long before the hour of a polite end')
  destroy(open(t))
})
