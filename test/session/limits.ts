import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { createLimits, type LimitRules, limitRules } from '../../src/session/limits.ts'
import { configOf } from '../fixtures/config.ts'
import { startRedis } from '../fixtures/redis.ts'
import { connect, prefix } from '../fixtures/sessions.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(t)
t.beforeEach(() => server.client.flushall())

const usual: LimitRules = {
  logins: { perAddress: 3, perAccount: 2, window: 60_000 },
  logoutTokens: { perAddress: 1, window: 60_000 },
  addressesAreClients: true,
  sealSecrets: [],
}

/** One gateway's limits; `rules` may be changed under them. */
const open = async (t: Test, rules: LimitRules = usual) => {
  const redis = await connect(t, server.url)
  const state = { rules }
  return { state, ...createLimits({ redis, keys: createKeys(prefix), rules: () => state.rules }) }
}

const limited = { code: 'rate_limited' }
const names = () => server.client.keys('*')

t.test('two gateways count together, each attempt and each address by itself (RL-04)', async t => {
  const [one, other] = [await open(t), await open(t)]
  await one.attempt('login', '192.0.2.1')
  await other.attempt('login', '192.0.2.1')
  await one.attempt('login', '192.0.2.1')
  await t.rejects(one.attempt('login', '192.0.2.1'), limited)
  await t.rejects(other.attempt('login', '192.0.2.1'), limited)
  await other.attempt('callback', '192.0.2.1')
  await other.attempt('login', '192.0.2.2')
  for (let i = 0; i < 2; i++) await one.account('oidc', 'alice')
  await t.rejects(other.account('oidc', 'alice'), limited)
  await other.account('oidc', 'bob')
  await other.account('api', 'alice')
})

t.test('attempts at the same moment are counted one by one (RL-04)', async t => {
  const [one, other] = [await open(t), await open(t)]
  const all = Array.from({ length: 40 }, (_, i) => (i % 2 ? one : other).attempt('login', 'x'))
  const settled = await Promise.allSettled(all)
  t.equal(settled.filter(({ status }) => status === 'fulfilled').length, 3)
})

t.test('a counter lives as long as its window, which refusals do not prolong', async t => {
  const limits = await open(t)
  for (let i = 0; i < 3; i++) await limits.attempt('login', 'x')
  const [name = ''] = await names()
  const end = await server.client.pexpiretime(name)
  await t.rejects(limits.attempt('login', 'x'), limited)
  t.equal(await server.client.pexpiretime(name), end)
  t.equal(await server.client.get(name), '3', 'what is refused does not count')
  await server.client.pexpire(name, 500)
  await t.rejects(limits.attempt('login', 'x'), { ...limited, retryAfter: 1 })
  await until(async () => (await names()).length === 0)
  await limits.attempt('login', 'x')
  t.equal(await server.client.get(name), '1')
})

t.test('it says after how many seconds the window ends', async t => {
  const limits = await open(t, { ...usual, logoutTokens: { perAddress: 1, window: 90_000 } })
  await limits.attempt('logout-token', 'x')
  const error = await limits.attempt('logout-token', 'x').catch(error => error)
  t.ok(error.retryAfter > 80 && error.retryAfter <= 90, String(error.retryAfter))
})

t.test('a check counts nothing', async t => {
  const limits = await open(t)
  for (let i = 0; i < 5; i++) await limits.check('logout-token', 'x')
  t.strictSame(await names(), [])
  await limits.attempt('logout-token', 'x')
  await t.rejects(limits.check('logout-token', 'x'), limited)
})

t.test('no address and no account can be read in Redis, every key has a lifetime', async t => {
  const limits = await open(t)
  await limits.attempt('login', '192.0.2.77')
  await limits.account('oidc', 'alice@example.com')
  const found = await names()
  t.equal(found.length, 2)
  for (const name of found) {
    t.match(name, /^claimcheck:limit:(?:login|account):[0-9a-f]{64}$/)
    t.notMatch(name, createHash('sha256').update('192.0.2.77').digest('hex'))
    t.equal(await server.client.get(name), '1')
    const left = await server.client.pttl(name)
    t.ok(left > 0 && left <= 60_000)
  }
  await server.client.flushall()
  const sealed = await open(t, { ...usual, sealSecrets: ['a-secret-of-the-test-'.repeat(2)] })
  await sealed.attempt('login', '192.0.2.77')
  const [name = ''] = await names()
  t.notOk(found.includes(name), 'with a seal secret nobody without it can even guess')
})

t.test('what was written by hand does not stand in the way', async t => {
  const limits = await open(t)
  await limits.attempt('login', 'x')
  const [name = ''] = await names()
  for (const spoil of [
    () => server.client.set(name, 'many', 'PX', 60_000),
    () => server.client.set(name, '99'),
    () => server.client.set(name, '99', 'PX', 3_600_000),
    async () => {
      await server.client.del(name)
      await server.client.rpush(name, '99')
      await server.client.pexpire(name, 60_000)
    },
  ]) {
    await spoil()
    await limits.attempt('login', 'x')
    t.equal(await server.client.get(name), '1')
    t.ok((await server.client.pttl(name)) > 0)
  }
})

t.test('0 is no limit, and neither is one on the address of a proxy', async t => {
  const none = { perAddress: 0, perAccount: 0, window: 60_000 }
  const limits = await open(t, { ...usual, logins: none })
  for (let i = 0; i < 5; i++) {
    await limits.attempt('login', 'x')
    await limits.account('oidc', 'alice')
  }
  limits.state.rules = { ...usual, addressesAreClients: false }
  for (let i = 0; i < 5; i++) await limits.attempt('login', 'x')
  for (let i = 0; i < 5; i++) await limits.attempt('logout-token', 'x')
  t.strictSame(await names(), [])
  await limits.account('oidc', 'alice')
  t.equal((await names()).length, 1)
})

t.test('the limits of a config: on, except where all addresses are that of a proxy', async t => {
  const route = { path: '/', upstream: 'http://127.0.0.1:1', auth: 'none' }
  const redis = { url: 'redis://127.0.0.1' }
  t.match(limitRules(configOf([route], { redis })), {
    logins: { perAddress: 60, perAccount: 30, window: 60_000 },
    logoutTokens: { perAddress: 60, window: 60_000 },
    addressesAreClients: false,
  })
  const trusting = configOf([route], { redis, trustedProxies: ['10.0.0.0/8'] })
  t.equal(limitRules(trusting).addressesAreClients, true)
  const local = configOf([route], { redis, publicUrl: 'http://localhost:8080' })
  t.equal(limitRules(local).addressesAreClients, true)
})

t.test('without Redis nobody is counted, and nobody passes', async t => {
  const limits = await open(t)
  await server.stop()
  await t.rejects(limits.attempt('login', 'x'), { code: 'redis_unavailable' })
})
