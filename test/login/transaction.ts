import t from 'tap'
import { createSingleUse } from '../../src/login/single-use.ts'
import { createTransactions } from '../../src/login/transaction.ts'
import { createTicket, handleOf } from '../../src/session/ticket.ts'
import { keys } from '../fixtures/login.ts'
import { startRedis } from '../fixtures/redis.ts'

t.test('started logins', async t => {
  const { client: redis } = await startRedis(t)
  const parts = { redis, keys, secrets: [] }
  const transactions = createTransactions(parts)
  const cookie = createTicket()
  const started = { verifier: 'v', nonce: 'n', returnTo: '/orders' }

  await t.test('are kept with the moment at which they began, by the clock of Redis', async t => {
    const state = createTicket()
    const [seconds] = await redis.time()
    await transactions.begin(cookie, state, {
      ...started,
      presented: 'x',
      acr: ['phr'],
      maxAge: 60,
    })
    const taken = await transactions.take(cookie, state)
    t.match(taken, { ...started, presented: 'x', acr: ['phr'], maxAge: 60 })
    t.ok(Math.abs((taken?.startedAt ?? 0) - Number(seconds) * 1000) < 5_000)
    t.equal(await transactions.take(cookie, state), undefined)
  })

  await t.test('are not mistaken for what another version may keep', async t => {
    const state = createTicket()
    await createSingleUse(parts, 'login').put(cookie, state, { v: 2 })
    t.equal(await transactions.take(cookie, state), undefined)
  })

  await t.test('of one browser share the session that the last of them made', async t => {
    const [first, second] = [handleOf(createTicket()), handleOf(createTicket())]
    t.equal(await transactions.last(cookie), undefined)
    t.equal(await transactions.swapLast(cookie, first), undefined)
    t.equal(await transactions.last(cookie), first)
    t.equal(await transactions.last(createTicket()), undefined, 'another browser')
    t.equal(await transactions.swapLast(cookie, second), first)

    const key = keys.login(handleOf(cookie))
    t.ok((await redis.pttl(key)) > 590_000)
    await redis.pexpire(key, 1_000)
    await transactions.begin(cookie, createTicket(), started)
    t.ok((await redis.pttl(key)) > 590_000, 'it is remembered as long as a login may take')
    await redis.set(key, 'no handle', 'PX', 60_000)
    t.equal(await transactions.last(cookie), undefined)
  })
})
