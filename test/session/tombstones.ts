import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { createTombstones } from '../../src/session/tombstones.ts'
import { startRedis } from '../fixtures/redis.ts'

const { client: redis } = await startRedis(t)
const keys = createKeys('')

t.test('the last 50,000 are remembered, in the order of their burial', async t => {
  const tombstones = createTombstones({ redis, keys })
  for (let i = 0; i < 50_000; i++) tombstones.bury(`h${i}`, i)
  tombstones.bury('h0', 50_000)
  tombstones.bury('last', 50_001)
  t.equal(tombstones.size(), 50_000)
  t.ok(tombstones.has('h0'))
  t.notOk(tombstones.has('h1'))
  t.ok(tombstones.has('last'))
})

t.test('those of the last two minutes are deleted again, however many', async t => {
  const tombstones = createTombstones({ redis, keys })
  const names = Array.from({ length: 1_200 }, (_, i) => `h${i}`)
  await redis.mset(names.flatMap(name => [keys.session(name), '1']))
  await redis.set(keys.session('old'), '1')
  tombstones.bury('old', 0)
  for (const name of names) tombstones.bury(name, 60_001)
  await tombstones.removeRecent(180_000)
  t.same(await redis.keys('session:*'), ['session:old'])
  await tombstones.removeRecent(1e9)
  t.ok(tombstones.has('old'), 'and refused for longer than that')
})

t.test('a failure is told', async t => {
  const tombstones = createTombstones({ redis, keys })
  await redis.config('SET', 'min-replicas-to-write', '1')
  await t.rejects(tombstones.remove(['a']), { code: 'redis_unavailable' })
  await redis.config('SET', 'min-replicas-to-write', '0')
})
