import { createHash } from 'node:crypto'
import t from 'tap'
import { createStartLogin } from '../../src/login/begin.ts'
import { createProvider } from '../../src/login/provider.ts'
import { createTransactions } from '../../src/login/transaction.ts'
import { createTicket, handleOf } from '../../src/session/ticket.ts'
import { keys, planOf } from '../fixtures/login.ts'
import { json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { startRedis } from '../fixtures/redis.ts'

const none = { returnTo: undefined, loginCookie: undefined, presentedTicket: undefined }

t.test('starting a login', async t => {
  const redis = await startRedis(t)
  const lying = await startLyingProvider(t)
  const transactions = createTransactions({ redis: redis.client, keys, secrets: [] })
  const starting = (wanted: Parameters<typeof planOf>[1] = {}) => {
    const plan = planOf(lying, wanted, ['phr', 'phrh'])
    return createStartLogin(createProvider(plan, recordLog().log), transactions)
  }
  const start = starting()
  const begun = async (cookie: string, location: string) => {
    const { searchParams } = new URL(location)
    return transactions.take(cookie, searchParams.get('state') ?? '')
  }

  await t.test('sends the browser to the provider with PKCE, state and nonce (LG-01)', async t => {
    const { location, loginCookie } = await start({ ...none, returnTo: '/orders' })
    const url = new URL(location)
    t.equal(url.origin + url.pathname, `${lying.issuer}/authorize`)
    const { state, nonce, code_challenge, ...fixed } = Object.fromEntries(url.searchParams)
    t.same(fixed, {
      client_id: 'claimcheck',
      code_challenge_method: 'S256',
      redirect_uri: 'http://localhost:8080/auth/callback',
      response_type: 'code',
      scope: 'openid profile email',
    })
    t.equal(new Set([state, nonce, code_challenge, loginCookie]).size, 4)
    for (const value of [state, nonce, code_challenge, loginCookie]) t.match(value, /^[\w-]{43}$/)

    const transaction = await begun(loginCookie, location)
    t.match(transaction, { nonce, returnTo: '/orders' })
    const { verifier = '' } = transaction ?? {}
    t.equal(createHash('sha256').update(verifier).digest('base64url'), code_challenge)
    t.notOk(location.includes(verifier), 'the verifier stays here (LG-03)')

    const again = new URL((await start(none)).location).searchParams
    for (const name of ['state', 'nonce', 'code_challenge']) {
      t.not(again.get(name), url.searchParams.get(name), `${name} is new for each login`)
    }
  })

  await t.test('keeps one login cookie of one size, however many tabs', async t => {
    const { loginCookie } = await start(none)
    t.equal((await start({ ...none, loginCookie })).loginCookie, loginCookie)
    for (const odd of ['', 'x', `${loginCookie}x`, 'ä'.repeat(43)]) {
      t.match((await start({ ...none, loginCookie: odd })).loginCookie, /^[\w-]{43}$/)
    }
  })

  await t.test('makes the return path safe (LG-10)', async t => {
    const { location, loginCookie } = await start({ ...none, returnTo: '//evil.example' })
    t.match(await begun(loginCookie, location), { returnTo: '/' })
  })

  await t.test('remembers the session that the browser presents, by its handle', async t => {
    const presentedTicket = createTicket()
    const { location, loginCookie } = await start({ ...none, presentedTicket })
    t.match(await begun(loginCookie, location), { presented: handleOf(presentedTicket) })
    const odd = await start({ ...none, presentedTicket: 'x' })
    t.equal((await begun(odd.loginCookie, odd.location))?.presented, undefined)
  })

  await t.test('adds what is configured, and nothing twice (LG-13)', async t => {
    const authorizationParams = {
      audience: 'https://api.example.com',
      max_age: '600',
      prompt: 'login',
    }
    const { location, loginCookie } = await starting({ authorizationParams })(none)
    const { searchParams } = new URL(location)
    t.match(Object.fromEntries(searchParams), authorizationParams)
    t.equal(new Set(searchParams.keys()).size, [...searchParams.keys()].length)
    t.match(await begun(loginCookie, location), { maxAge: 600 }, 'and it will be checked')
  })

  await t.test('asks for a stronger or fresher login (RFC 9470)', async t => {
    const stepUp = { acr: ['phr', 'phrh'], maxAge: 900_500 }
    const configured = starting({ authorizationParams: { acr_values: 'x', max_age: '5' } })
    for (const from of [start, configured]) {
      const { location, loginCookie } = await from({ ...none, stepUp })
      const { searchParams } = new URL(location)
      t.same(searchParams.getAll('acr_values'), ['phr phrh'])
      // A browser cannot make it laxer than the config says.
      const maxAge = from === start ? 900 : 5
      t.same(searchParams.getAll('max_age'), [String(maxAge)])
      t.match(await begun(loginCookie, location), { acr: ['phr', 'phrh'], maxAge })
    }
  })

  await t.test('asks for no class that no route demands, whoever wrote the link', async t => {
    const authorizationParams = { acr_values: 'phr', prompt: 'consent' }
    const configured = starting({ authorizationParams })
    for (const acr of [['password'], ['0', 'password'], []]) {
      const { location, loginCookie } = await configured({ ...none, stepUp: { acr } })
      t.match(Object.fromEntries(new URL(location).searchParams), authorizationParams)
      t.notOk('acr' in ((await begun(loginCookie, location)) ?? {}))
    }
    const mixed = await configured({ ...none, stepUp: { acr: ['password', 'phrh'] } })
    const { searchParams } = new URL(mixed.location)
    t.same(searchParams.getAll('acr_values'), ['phrh'])
    t.same(searchParams.getAll('prompt'), ['login consent'], 'what is configured stays')
    t.match(await begun(mixed.loginCookie, mixed.location), { acr: ['phrh'] })
    for (const prompt of ['none', 'login', '']) {
      const { location } = await starting({ authorizationParams: { prompt } })({
        ...none,
        stepUp: { acr: ['phr'] },
      })
      t.same(new URL(location).searchParams.getAll('prompt'), ['login'])
    }
  })

  await t.test('remembers nothing while the provider is down', async t => {
    await redis.client.flushall()
    lying.answers.set('/.well-known/openid-configuration', json({}, 500))
    await t.rejects(starting()(none), { code: 'provider_unavailable' })
    t.equal(await redis.client.dbsize(), 0)
  })

  await t.test('goes nowhere while Redis is down', async t => {
    redis.client.disconnect()
    await t.rejects(start(none), { code: 'redis_unavailable' })
  })
})
