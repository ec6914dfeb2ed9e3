// How often people may log in, over all gateways, and what those see who may not.
import t, { type Test } from 'tap'
import { startGateway, type TestGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo, send } from '../fixtures/login-api.ts'
import { clientId, createJar, startProvider } from '../fixtures/provider.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const limits =
  'limits: { logins: { perAddress: 3, perAccount: 2 }, logoutTokens: { perAddress: 2 } }'

const startApi = async (t: Test, yaml: string) => {
  const redis = await startRedis(t)
  const api = await startUpstream(t, createLoginApi().answer)
  const open = () =>
    startGateway(
      t,
      `redis: { url: ${redis.url}, commandTimeout: 10s }\n${yaml}\n${routesTo(api.url)}`,
    )
  const logins = () => api.requests.filter(({ url }) => url === '/api/login').length
  return { redis, api, open, logins }
}

const attempt = async ({ url }: { url: string }, { user = 'alice', from = '', cookie = '' } = {}) =>
  send(`${url}/api/login`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(from !== '' && { 'x-forwarded-for': from }),
      ...(cookie !== '' && { cookie }),
    },
    body: JSON.stringify({ user, password: 'wrong' }),
  })

t.test(
  'captured logins: two gateways share the count, beyond it nothing reaches the API (RL-04)',
  async t => {
    const { redis, open, logins } = await startApi(t, limits)
    const [one, other] = [await open(), await open()]
    const alice = await login(one, 'alice')
    t.equal((await attempt(other)).status, 401)
    t.equal((await attempt(one)).status, 401)
    for (const gateway of [one, other]) {
      const refused = await attempt(gateway, { cookie: alice.cookie })
      t.equal(refused.status, 429)
      t.equal(refused.headers.get('content-type'), 'application/problem+json')
      const wait = Number(refused.headers.get('retry-after'))
      t.ok(wait > 0 && wait <= 60)
      t.match(await refused.json(), { code: 'rate_limited', status: 429 })
      t.strictSame(refused.headers.getSetCookie(), [], 'the cookie stays')
    }
    t.equal(logins(), 3)
    t.equal((await get(other, '/api/x', alice.cookie)).status, 200, 'and so does the session')
    t.match(one.log(), /"audit":true,"event":"refused"[^\n]*"code":"rate_limited"/)
    t.match(one.log(), /"client":"127\.0\.0\.1"/)

    for (const name of await redis.client.keys('claimcheck:limit:*')) await redis.client.del(name)
    t.equal((await attempt(one)).status, 401, 'the window is over')
  },
)

t.test('only attempts count: what is refused before is none', async t => {
  const { open } = await startApi(t, limits)
  const gateway = await open()
  for (let i = 0; i < 5; i++) {
    const forged = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    t.equal(
      (await send(`${gateway.url}/api/login`, { method: 'POST', headers: forged })).status,
      403,
    )
    t.equal((await get(gateway, '/api/login', '')).status, 405)
  }
  t.equal((await attempt(gateway)).status, 401)
})

t.test('behind a trusted proxy each client counts for itself, by /64 in IPv6 (RL-04)', async t => {
  const { open } = await startApi(t, `${limits}\ntrustedProxies: [127.0.0.1]`)
  const gateway = await open()
  const statuses = async (...addresses: string[]) => {
    const found = []
    for (const from of addresses) found.push((await attempt(gateway, { from })).status)
    return found
  }
  const [v4, near, far] = ['192.0.2.1', '2001:db8:1:2::', '2001:db8:1:3::']
  t.strictSame(await statuses(v4, v4, v4, v4), [401, 401, 401, 429])
  t.strictSame(await statuses('192.0.2.2'), [401])
  t.strictSame(
    await statuses(`${near}1`, `${near}2`, `${near}a:b:c`, `${near}3`),
    [401, 401, 401, 429],
  )
  t.strictSame(await statuses(`${far}1`), [401])
})

t.test('nobody escapes the count by a header that is not believed (RL-04, PX-14)', async t => {
  const { open } = await startApi(t, limits)
  const gateway = await open()
  const found = []
  for (let i = 1; i < 5; i++) {
    found.push((await attempt(gateway, { from: `192.0.2.${i}` })).status)
  }
  t.strictSame(found, [401, 401, 401, 429])
})

t.test('one person makes so many sessions a window, and keeps those there are (RL-04)', async t => {
  const { open } = await startApi(t, 'limits: { logins: { perAddress: 0, perAccount: 2 } }')
  const [one, other] = [await open(), await open()]
  const [first, second] = [await login(one, 'alice'), await login(other, 'alice')]
  const third = await login(one, 'alice', second.cookie)
  t.equal(third.response.status, 429)
  t.match(JSON.parse(third.text), { code: 'rate_limited' })
  t.equal(third.set, undefined)
  for (const { cookie } of [first, second]) {
    t.equal((await get(one, '/api/x', cookie)).status, 200)
  }
  t.equal((await login(one, 'bob')).response.status, 200)
})

t.test('a reload exchanges the limits', async t => {
  const { redis, api, open } = await startApi(t, limits)
  const gateway = await open()
  for (let i = 0; i < 3; i++) t.equal((await attempt(gateway)).status, 401)
  t.equal((await attempt(gateway)).status, 429)
  await gateway.reload(
    `redis: { url: ${redis.url}, commandTimeout: 10s }\nlimits: { logins: { perAddress: 0 } }\n${routesTo(api.url)}`,
  )
  t.equal((await attempt(gateway)).status, 401)
})

const navigation = {
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}

const startOidc = async (t: Test, yaml: string) => {
  const redis = await startRedis(t)
  const port = await freePort()
  const provider = await startProvider(t, { publicUrl: `http://localhost:${port}` })
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url}, commandTimeout: 10s }
oidc: { issuer: "${provider.issuer}", clientId: ${clientId}, clientSecret: "${provider.clientSecret}" }
${yaml}
routes: [{ path: /, upstream: "http://127.0.0.1:9", auth: none }]
`,
    {},
    undefined,
    port,
  )
  const start = (headers = {}) =>
    send(`${gateway.url}/auth/login`, { headers: { ...navigation, ...headers } })
  return { redis, provider, gateway, start }
}

const keys = (redis: { client: { keys(pattern: string): Promise<string[]> } }, kind: string) =>
  redis.client.keys(`claimcheck:${kind}:*`)

t.test(
  'login starts: beyond the limit a page, nothing in Redis, nothing asked of the provider (RL-04)',
  async t => {
    const { redis, start } = await startOidc(t, limits)
    for (let i = 0; i < 5; i++) {
      t.equal((await start({ 'sec-purpose': 'prefetch' })).status, 403, 'not an attempt')
    }
    for (let i = 0; i < 3; i++) t.equal((await start()).status, 303)
    for (let i = 0; i < 20; i++) {
      const refused = await start()
      t.equal(refused.status, 429)
      t.match(refused.headers.get('content-type'), 'text/html')
      t.match(refused.headers.get('retry-after'), /^\d+$/)
      t.strictSame(refused.headers.getSetCookie(), [])
    }
    t.equal((await keys(redis, 'login')).length, 3)
    t.equal((await keys(redis, 'limit')).length, 1)
  },
)

t.test(
  'callbacks: bad ones never reach the provider, and a good one that has to wait still counts (RL-04)',
  async t => {
    const { redis, provider, gateway, start } = await startOidc(t, limits)
    const started = await start()
    const [cookie = ''] = started.headers.getSetCookie().map(set => set.split(';', 1)[0] ?? '')
    const back = await provider.browse(createJar('alice'), started.headers.get('location') ?? '')
    const finish = (search: string) =>
      send(`${gateway.url}/auth/callback${search}`, {
        headers: { ...navigation, 'sec-fetch-site': 'cross-site', cookie },
      })
    for (let i = 0; i < 3; i++) t.equal((await finish(`?code=x&state=bad-${i}`)).status, 400)
    t.equal(provider.state.tokenCalls.length, 0)
    t.equal((await finish(back.search)).status, 429)
    t.equal(provider.state.tokenCalls.length, 0)
    for (const name of await keys(redis, 'limit')) await redis.client.del(name)
    const landed = await finish(back.search)
    t.equal(landed.status, 303, 'its transaction was not taken')
    t.equal(provider.state.tokenCalls.length, 1)
    t.equal((await finish(back.search)).status, 400, 'a transaction is good for one attempt')
  },
)

t.test('unknown cookies cause no write (RL-04)', async t => {
  const { redis, open } = await startApi(t, limits)
  const gateway = await open()
  await get(gateway, '/api/x', '')
  await redis.client.config('RESETSTAT')
  for (let i = 0; i < 200; i++) {
    const ticket = `${String(i).padStart(4, '0')}${'x'.repeat(39)}`
    t.equal((await get(gateway, '/api/x', `__Host-Http-session=${ticket}`)).status, 401)
  }
  const stats = await redis.client.info('commandstats')
  t.notMatch(stats, /cmdstat_(?:eval|evalsha|zadd|sadd|incr)/)
  // The gateway's canary is written now and then.
  const writes = Number(/cmdstat_set:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  t.ok(writes < 100, String(writes))
  const names = await redis.client.keys('*')
  t.ok(names.every(name => name.startsWith('claimcheck:canary:')))
})

t.test('logout tokens: refused ones are limited, genuine ones are never counted', async t => {
  const { redis, provider, gateway } = await startOidc(t, limits)
  let count = 0
  const genuine = () => {
    const iat = Math.trunc(Date.now() / 1000)
    return provider.sign({
      ...{ iss: provider.issuer, aud: clientId, iat, exp: iat + 120, jti: `jti-${++count}` },
      ...{ sub: 'alice', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    })
  }
  const post = async (token: string) =>
    send(`${gateway.url}/auth/backchannel-logout`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `logout_token=${token}`,
    })
  for (let i = 0; i < 5; i++) t.equal((await post(await genuine())).status, 200)
  for (let i = 0; i < 2; i++) t.equal((await post('nonsense')).status, 400)
  const refused = await post('nonsense')
  t.equal(refused.status, 429)
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  await redis.stop()
  await until(async () => (await post('nonsense')).status !== 429)
  const away = await post(await genuine())
  t.equal(away.status, 503)
  t.match(await away.json(), { error: 'temporarily_unavailable' })
})

t.test(
  'a forgotten proxy is warned of once and shown by /readyz, which stays 200 (PX-14)',
  async t => {
    const { open } = await startApi(t, limits)
    const gateway: TestGateway = await open()
    const ready = async () => {
      const response = await fetch(`${gateway.admin}/readyz`)
      return { status: response.status, ...((await response.json()) as { notes: string[] }) }
    }
    await get(gateway, '/api/x', '')
    t.match(await ready(), { status: 200, ready: true, notes: [] })
    t.equal((await ready()).notes.length, 0)
    for (const name of ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']) {
      await get(gateway, '/api/x', '', { headers: { [name]: 'for=192.0.2.1' } })
    }
    const { status, notes } = await ready()
    t.equal(status, 200)
    t.match(notes, [/^127\.0\.0\.1 sends/])
    t.equal(gateway.log().match(/not in trustedProxies/g)?.length, 1)
  },
)

t.test('each of the headers is noticed by itself (PX-14)', async t => {
  for (const name of ['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']) {
    const { open } = await startApi(t, limits)
    const gateway = await open()
    await get(gateway, '/nowhere', '', { headers: { [name]: 'x' } })
    t.match(gateway.log(), 'not in trustedProxies', name)
  }
})
