import t from 'tap'
import { createCanary } from '../../src/redis/canary.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

const { client } = await startRedis(t)
const never = new AbortController().signal
const key = 'canary:me'

t.test('heard, it tells how long the announcement took', async t => {
  const canary = createCanary({ data: client, key, patience: 5_000 })
  canary.heard()
  const took = canary.send(never)
  await until(() => client.exists(key))
  canary.heard()
  const time = await took
  t.ok(time !== undefined && time > 0)
})

t.test('unheard, it is undefined after its patience', async t => {
  const canary = createCanary({ data: client, key, patience: 50 })
  t.equal(await canary.send(never), undefined)
})

t.test('it throws the reason of a link that was lost meanwhile', async t => {
  const link = new AbortController()
  const canary = createCanary({ data: client, key, patience: 60_000 })
  const sent = canary.send(link.signal)
  await client.ping()
  link.abort(new Error('the connection closed'))
  await t.rejects(sent, { message: 'the connection closed' })
})

t.test('it throws when the write fails', async t => {
  const canary = createCanary({ data: client, key, patience: 60_000 })
  await client.config('SET', 'min-replicas-to-write', '1')
  await t.rejects(canary.send(never), { message: /^NOREPLICAS/ })
  await client.config('SET', 'min-replicas-to-write', '0')
})
