import t from 'tap'
import { replicated } from '../../src/redis/replicated.ts'
import { startRedis } from '../fixtures/redis.ts'
import { connect } from '../fixtures/sessions.ts'
import { until } from '../fixtures/until.ts'

t.test('a write is with a replica, or it is not, or there is none', async t => {
  const master = await startRedis(t, '--repl-diskless-sync-delay', '0')
  const redis = await connect(t, master.openUrl)
  await redis.set('a', '1')
  t.equal(await replicated(redis), undefined)

  const replica = await startRedis(
    t,
    '--appendonly',
    'no',
    '--replicaof',
    '127.0.0.1',
    String(master.port),
  )
  await until(async () => {
    await redis.set('a', '2')
    return (await replicated(redis)) === true
  })
  t.equal(await replica.client.get('a'), '2')

  replica.pause()
  await redis.set('a', '3')
  t.equal(await replicated(redis), false)
  replica.resume()

  await master.kill()
  t.equal(await replicated(redis), false, 'what nobody can say is not claimed')
})
