import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { within } from '../../src/redis/patience.ts'
import { startRedis } from '../fixtures/redis.ts'

const never = new AbortController().signal

t.test('it settles as the promise does, when that is in time', async t => {
  t.equal(await within(Promise.resolve(7), 1_000, 'answer', never), 7)
  await t.rejects(within(Promise.reject(new Error('no')), 1_000, 'answer', never), {
    message: 'no',
  })
  await turn()
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'), 'and its timer is gone')
})

t.test('it rejects after the deadline', async t => {
  await t.rejects(within(new Promise(() => undefined), 5, 'PONG', never), {
    message: 'no PONG within 5 ms',
  })
})

t.test('it rejects with the reason of the signal, aborted during or before', async t => {
  const stop = new AbortController()
  const waiting = within(new Promise(() => undefined), 60_000, 'answer', stop.signal)
  stop.abort(new Error('the link is lost'))
  await t.rejects(waiting, { message: 'the link is lost' })
  await t.rejects(within(new Promise(() => undefined), 60_000, 'answer', stop.signal), {
    message: 'the link is lost',
  })
})

t.test('an answer that came while this process stood still is in time', async t => {
  const { client } = await startRedis(t)
  await client.ping()
  const answer = within(client.ping(), 20, 'PONG', never)
  await turn()
  const until = performance.now() + 100
  while (performance.now() < until);
  t.equal(await answer, 'PONG')
})
