import t from 'tap'
import { batchWrites } from '../../src/redis/batch.ts'
import { openConnection } from '../../src/redis/client.ts'
import { startFakeRedis } from '../fixtures/fake-redis.ts'
import { startRedis } from '../fixtures/redis.ts'

t.test('what one turn of the event loop sends leaves in one write', async t => {
  const fake = await startFakeRedis(t, ([name]) => (name === 'get' ? '$-1\r\n' : undefined))
  const redis = openConnection({ url: fake.url, commandTimeout: 1000 })
  t.teardown(() => redis.disconnect())
  batchWrites(redis)
  await redis.connect()
  fake.chunks.length = 0
  const both = [redis.get('a'), Promise.resolve().then(() => redis.get('b'))]
  const pipeline = redis.pipeline().get('c').exec()
  await Promise.all([...both, pipeline])
  t.equal(fake.chunks.length, 1)
  await redis.get('d')
  t.equal(fake.chunks.length, 2)
})

t.test(
  'a connection that ends with commands in the batch fails them, and the next one works',
  async t => {
    const server = await startRedis(t)
    const redis = openConnection({ url: server.openUrl, commandTimeout: 1000 })
    redis.on('error', () => undefined)
    t.teardown(() => redis.disconnect())
    batchWrites(redis)
    await redis.connect()
    const lost = redis.set('k', 'v')
    redis.stream.destroy()
    await t.rejects(lost)
    await new Promise(resolve => redis.once('ready', resolve))
    t.equal(await redis.get('k'), null)
  },
)
