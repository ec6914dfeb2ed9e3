import t from 'tap'
import { createLeases } from '../../src/redis/lease.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

t.test('a lease', async t => {
  const { client } = await startRedis(t)
  const leases = createLeases(client)
  const names = { lease: 'lease:x', pause: 'limit:refresh:x' }

  await t.test('has one holder, who alone can release it', async t => {
    t.same(await leases.acquire(names, 'one', 5_000), { kind: 'ours', tookOver: false })
    const other = await leases.acquire(names, 'two', 5_000)
    t.same(other, { kind: 'held', holder: 'one' })

    await leases.release(names, 'two', 1_000)
    t.equal(await client.get('lease:x'), 'one', 'another cannot release it')
    t.equal(await client.exists('limit:refresh:x'), 0, 'nor ask for a pause')
    await leases.release(names, 'one', 0)
    t.match(await leases.acquire(names, 'two', 5_000), { kind: 'ours' })
    await leases.release(names, 'two', 0)
  })

  await t.test('is taken over from the holder that is named, and from no other', async t => {
    await leases.acquire(names, 'dead', 5_000)
    t.same(await leases.acquire(names, 'two', 5_000, 'deaf'), { kind: 'held', holder: 'dead' })
    t.same(await leases.acquire(names, 'two', 5_000, 'dead'), { kind: 'ours', tookOver: true })
    t.same(await leases.acquire(names, 'three', 5_000, 'dead'), { kind: 'held', holder: 'two' })
    await leases.release(names, 'dead', 0)
    t.equal(await client.get('lease:x'), 'two')
    await leases.release(names, 'two', 0)
    t.same(await leases.acquire(names, 'three', 5_000, 'two'), { kind: 'ours', tookOver: false })
    await leases.release(names, 'three', 0)
  })

  await t.test('can be made sure of by its holder', async t => {
    await leases.acquire(names, 'one', 5_000)
    t.match(await leases.acquire(names, 'one', 60_000, 'one'), { kind: 'ours' })
    t.ok((await client.pttl('lease:x')) > 5_000)
    await client.del('lease:x')
    t.match(await leases.acquire(names, 'one', 5_000, 'one'), { kind: 'ours' })
    await client.set('lease:x', 'two')
    t.match(await leases.acquire(names, 'one', 5_000, 'one'), { kind: 'held', holder: 'two' })
    await client.del('lease:x')
  })

  await t.test('goes to one of many who ask at once', async t => {
    const owners = Array.from({ length: 50 }, (_, index) => `owner ${index}`)
    const answers = await Promise.all(owners.map(owner => leases.acquire(names, owner, 5_000)))
    t.equal(answers.filter(answer => answer.kind === 'ours').length, 1)
    await client.del('lease:x')
  })

  await t.test('ends by itself when its holder does not', async t => {
    await leases.acquire(names, 'dead', 30)
    await until(async () => (await leases.acquire(names, 'next', 5_000)).kind === 'ours')
    t.equal(await client.get('lease:x'), 'next')
    await leases.release(names, 'dead', 0)
    t.equal(await client.get('lease:x'), 'next', 'a late release does not take it from the next')
    await leases.release(names, 'next', 0)
  })

  await t.test('can be followed by a pause, in which nobody gets it', async t => {
    await leases.acquire(names, 'one', 5_000)
    await leases.release(names, 'one', 5_000.5)
    const paused = await leases.acquire(names, 'two', 5_000)
    t.match(paused, { kind: 'paused' })
    if (paused.kind !== 'paused') return
    t.ok(paused.remaining > 0 && paused.remaining <= 5_001)
    t.equal(await client.exists('lease:x'), 0)
    await client.del('limit:refresh:x')
    t.match(await leases.acquire(names, 'two', 5_000), { kind: 'ours' })
  })

  await t.test('says so when Redis does not answer', async t => {
    client.disconnect()
    await t.rejects(leases.acquire(names, 'one', 1), { code: 'redis_unavailable' })
    await t.rejects(leases.release(names, 'one', 1), { code: 'redis_unavailable' })
  })
})
