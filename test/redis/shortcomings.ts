import t from 'tap'
import { shortcomingsOf } from '../../src/redis/shortcomings.ts'
import { startRedis } from '../fixtures/redis.ts'

t.test('CF-07 a server as our redis.conf has it is fit', async t => {
  const { client } = await startRedis(t)
  t.strictSame(shortcomingsOf(await client.info()), [])
  t.strictSame(shortcomingsOf('loading:0\r\n'), [], 'what is not told is taken for good')
})

t.test(
  'CF-07 eviction, replicas, clusters, old versions and no append-only file are named',
  async t => {
    const { client } = await startRedis(t)
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await client.config('SET', 'appendonly', 'no')
    await client.replicaof('127.0.0.1', 1)
    t.match(shortcomingsOf(await client.info()), [
      /^it is a replica/,
      /^maxmemory-policy allkeys-lru/,
      /^appendonly is off/,
    ])
    for (const policy of ['volatile-ttl', 'allkeys-random', 'volatile-lru']) {
      t.match(shortcomingsOf(`maxmemory_policy:${policy}\r\n`), [`maxmemory-policy ${policy} logs`])
    }
    t.match(shortcomingsOf('redis_version:6.2.14\r\nredis_mode:cluster\r\n'), [
      /6\.2\.14/,
      /cluster/,
    ])
    t.strictSame(shortcomingsOf('redis_version:10.0.0\r\n'), [])
  },
)
