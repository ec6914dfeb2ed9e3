import t from 'tap'
import { createSingleUse } from '../../src/login/single-use.ts'
import { createTicket } from '../../src/session/ticket.ts'
import { keys } from '../fixtures/login.ts'
import { startRedis } from '../fixtures/redis.ts'

t.test('what a browser must come back to', async t => {
  const { client: redis } = await startRedis(t)
  const logins = createSingleUse({ redis, keys, secrets: [] }, 'login')
  const [cookie, state] = [createTicket(), createTicket()]
  const value = { returnTo: '/orders', verifier: 'a-verifier-that-nobody-may-read' }

  await t.test('is given out once (LG-02)', async t => {
    await logins.put(cookie, state, value)
    t.same(await logins.take(cookie, state), value)
    t.equal(await logins.take(cookie, state), undefined)
    t.same(await redis.keys('*'), [])

    await logins.put(cookie, state, value)
    const taken = await Promise.all(Array.from({ length: 20 }, () => logins.take(cookie, state)))
    t.equal(taken.filter(Boolean).length, 1, 'of many who ask at once')
  })

  await t.test('is for one browser, and gone after an attempt of another', async t => {
    await logins.put(cookie, state, value)
    t.equal(await logins.take(createTicket(), state), undefined)
    t.equal(await logins.take(cookie, state), undefined)
  })

  await t.test('is sealed, under a hash, for ten minutes (LG-03)', async t => {
    await logins.put(cookie, state, value)
    const [key = ''] = await redis.keys('*')
    t.match(key, /^claimcheck:login:[0-9a-f]{64}$/)
    const life = await redis.pttl(key)
    t.ok(life > 590_000 && life <= 600_000)
    const stored = (await redis.getBuffer(key))?.toString('latin1') ?? ''
    t.notMatch(key + stored, new RegExp(`${state}|${cookie}|${value.verifier}|orders`))
    await logins.put(cookie, state, { returnTo: '/elsewhere' })
    t.same(await logins.take(cookie, state), value, 'a second under one state does not replace it')
  })

  await t.test('is for one purpose, and one seal secret', async t => {
    await logins.put(cookie, state, value)
    const logouts = createSingleUse({ redis, keys, secrets: [] }, 'logout')
    t.equal(await logouts.take(cookie, state), undefined)
    await logins.put(cookie, state, value)
    const other = createSingleUse({ redis, keys, secrets: ['x'.repeat(32)] }, 'login')
    t.equal(await other.take(cookie, state), undefined)
  })

  await t.test('is not known while Redis is away', async t => {
    redis.disconnect()
    await t.rejects(logins.put(cookie, state, value), { code: 'redis_unavailable' })
    await t.rejects(logins.take(cookie, state), { code: 'redis_unavailable' })
  })
})
