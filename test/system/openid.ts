// Login at a real OpenID provider, from the challenge to the log-out at both ends.
import t from 'tap'
import { startGateway, type TestGateway } from '../fixtures/gateway.ts'
import { send } from '../fixtures/login-api.ts'
import { clientId, createJar, startProvider } from '../fixtures/provider.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

type Test = Parameters<typeof startRedis>[0] & { equal(found: unknown, wanted: unknown): unknown }

const navigation = {
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}

/** A browser: cookies of the gateway, and a jar at the provider. */
const createBrowser = (gateway: TestGateway, account = 'alice') => {
  const cookies = new Map<string, string>()
  const jar = createJar(account)
  const ask = async (
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ) => {
    const cookie = Array.from(cookies, pair => pair.join('=')).join('; ')
    const response = await send(gateway.url + path, {
      ...options,
      headers: {
        ...(cookie !== '' && { cookie }),
        'sec-fetch-site': 'same-origin',
        ...options.headers,
      },
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }
  const navigate = (path: string, from = 'none') =>
    ask(path, { headers: { ...navigation, 'sec-fetch-site': from } })
  return { cookies, jar, ask, navigate }
}

const start = async (t: Test, { accessTokenLife = 300, more = '' } = {}) => {
  const redis = await startRedis(t)
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  // The provider's own requests go to 127.0.0.1, where the gateway listens.
  const provider = await startProvider(t, {
    publicUrl,
    accessTokenLife,
    backchannelUri: `http://127.0.0.1:${port}/auth/backchannel-logout`,
  })
  const upstream = await startUpstream(
    t,
    (req, res) => void res.end(req.headers.authorization ?? 'nobody'),
  )
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }
oidc:
  issuer: ${provider.issuer}
  clientId: ${clientId}
  clientSecret: "${provider.clientSecret}"
${more}
routes:
  - { path: /api, upstream: "${upstream.url}" }
  - { path: /app, upstream: "${upstream.url}", pages: true }
  - { path: /app/vault, upstream: "${upstream.url}", pages: true, require: { acr: [phr], maxAge: 15m } }
`,
    {},
    undefined,
    port,
  )
  const login = async (browser: ReturnType<typeof createBrowser>, path = '/app/orders?a=1') => {
    const challenge = await browser.navigate(path)
    t.equal(challenge.status, 303)
    const started = await browser.navigate(challenge.headers.get('location') ?? '')
    t.equal(started.status, 303)
    const back = await provider.browse(browser.jar, started.headers.get('location') ?? '')
    return browser.navigate(back.pathname + back.search, 'cross-site')
  }
  return { redis, provider, upstream, gateway, login }
}

t.test(
  'a navigation without a session goes to the provider and comes back to where it was',
  async t => {
    const { gateway, login, upstream } = await start(t)
    const browser = createBrowser(gateway)
    const landed = await login(browser)
    t.equal(landed.status, 303)
    t.equal(landed.headers.get('location'), '/app/orders?a=1')
    t.equal(landed.headers.get('cache-control'), 'no-store', 'LG-18')
    t.match(
      landed.headers.getSetCookie()[0],
      /^__Host-Http-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
    const page = await browser.navigate('/app/orders?a=1', 'cross-site')
    t.equal(page.status, 200)
    t.match(upstream.requests.at(-1)?.headers.authorization, /^Bearer eyJ/)
    const session = await browser.ask('/auth/session')
    t.match(await session.json(), {
      user: { sub: 'alice', name: 'The alice', email: 'alice@example.com' },
    })
  },
)

t.test(
  'fetch, unsafe methods and prefetches are told, never redirected (LG-14, LG-15)',
  async t => {
    const { gateway, redis } = await start(t)
    const browser = createBrowser(gateway)
    const fetched = await browser.ask('/app/data', {
      headers: { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    })
    t.equal(fetched.status, 401)
    t.match(await fetched.json(), {
      code: 'no_session',
      login: '/auth/login?return_to=%2Fapp%2Fdata',
    })
    t.equal(
      (
        await browser.ask('/app/data', {
          method: 'POST',
          headers: { origin: `http://localhost:${gateway.port}` },
        })
      ).status,
      401,
    )
    for (const headers of [
      { ...navigation, 'sec-fetch-dest': 'iframe' },
      { ...navigation, 'sec-purpose': 'prefetch' },
      { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    ]) {
      const refused = await browser.ask('/auth/login', { headers })
      t.equal(refused.status, 403)
      t.strictSame(refused.headers.getSetCookie(), [])
    }
    t.strictSame(await redis.client.keys('claimcheck:login:*'), [])
  },
)

t.test('the token is refreshed before it runs out, and nobody notices (TK-05)', async t => {
  const { gateway, login, upstream, provider } = await start(t, { accessTokenLife: 30 })
  const browser = createBrowser(gateway)
  await login(browser)
  const first = await browser.ask('/api/x')
  t.equal(first.status, 200)
  await until(async () => {
    await browser.ask('/api/x')
    return new Set(upstream.requests.map(({ headers }) => headers.authorization)).size > 1
  })
  t.equal(provider.state.tokenCalls.filter(({ grant }) => grant === 'refresh_token').length, 1)
  t.equal((await browser.ask('/api/x')).status, 200)
})

t.test(
  'log-out ends the session here, revokes at the provider, and comes back from it (RV-02, RV-03, RV-04)',
  async t => {
    const { gateway, login, provider } = await start(t)
    const browser = createBrowser(gateway)
    await login(browser)
    const cookie = `__Host-Http-session=${browser.cookies.get('__Host-Http-session')}`
    const out = await browser.ask('/auth/logout', { method: 'POST' })
    t.equal(out.status, 200)
    const { redirect } = (await out.json()) as { redirect: string }
    t.ok(redirect.startsWith(`${provider.issuer}/session/end?`))
    t.notMatch(redirect, /eyJ/, 'no token passes through the browser')
    t.notOk(browser.cookies.has('__Host-Http-session'))
    t.equal(
      (await send(`${gateway.url}/api/x`, { headers: { cookie, 'sec-fetch-site': 'same-origin' } }))
        .status,
      401,
    )
    await until(async () => provider.state.revocations.length > 0)
    t.match(provider.state.revocations[0], { token_type_hint: 'refresh_token' })
    const back = await provider.browse(browser.jar, redirect)
    t.equal(back.pathname, '/auth/logout/callback')
    const returned = await browser.navigate(back.pathname + back.search, 'cross-site')
    t.equal(returned.status, 303)
    t.equal(returned.headers.get('location'), '/')
  },
)

t.test('a log-out at the provider ends the session here, by its back channel (RV-11)', async t => {
  const { gateway, login, provider } = await start(t)
  const [alice, bob] = [createBrowser(gateway), createBrowser(gateway, 'bob')]
  await login(alice)
  await login(bob)
  t.equal((await alice.ask('/api/x')).status, 200)
  await provider.browse(
    alice.jar,
    `${provider.issuer}/session/end?client_id=${clientId}&post_logout_redirect_uri=${encodeURIComponent(`http://localhost:${gateway.port}/auth/logout/callback`)}`,
  )
  await until(async () => (await alice.ask('/api/x')).status === 401)
  t.equal((await bob.ask('/api/x')).status, 200)
})

t.test('forged logout tokens are refused, and nothing ends (RV-06, RV-07)', async t => {
  const { gateway, login } = await start(t)
  const alice = createBrowser(gateway)
  await login(alice)
  for (const body of [
    '',
    'logout_token=x',
    'logout_token=a&logout_token=b',
    'logout_token=eyJhbGciOiJub25lIn0.e30.',
  ]) {
    const response = await send(`${gateway.url}/auth/backchannel-logout`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    })
    t.equal(response.status, 400)
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.strictSame(await response.json(), { error: 'invalid_request' })
  }
  t.equal((await send(`${gateway.url}/auth/backchannel-logout`)).status, 405)
  t.equal((await alice.ask('/api/x')).status, 200)
})

t.test(
  'with the provider down: pages say so, sessions go on, and it recovers by itself (FL-06)',
  async t => {
    const { gateway, login, provider } = await start(t)
    const alice = createBrowser(gateway)
    await login(alice)
    await provider.stop()
    t.equal((await alice.ask('/api/x')).status, 200)
    const stranger = createBrowser(gateway)
    const challenge = await stranger.navigate('/app/x')
    const started = await stranger.navigate(challenge.headers.get('location') ?? '')
    t.equal(started.status, 303, 'the provider is known already')
    await provider.start()
    t.equal((await login(createBrowser(gateway, 'bob'))).status, 303)
  },
)

t.test('a browser that does not keep the session is told, not sent in circles', async t => {
  const { gateway, login } = await start(t)
  const browser = createBrowser(gateway)
  await login(browser)
  browser.cookies.delete('__Host-Http-session')
  const challenge = await browser.navigate('/app/x')
  const explained = await browser.navigate(challenge.headers.get('location') ?? '')
  t.equal(explained.status, 400)
  const text = await explained.text()
  t.match(text, 'did not keep the cookie')
  const again = /href="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  t.equal(again, '/auth/login?again=1&return_to=%2Fapp%2Fx')
  t.equal((await browser.navigate(again)).status, 303, 'who knows better may try again')
})

t.test(
  'a callback that is not ours to finish shows a page and makes nothing (LG-02, LG-17)',
  async t => {
    const { gateway, redis } = await start(t)
    const browser = createBrowser(gateway)
    for (const query of [
      '',
      '?code=a',
      '?state=b',
      '?code=a&state=b',
      '?error=%3Cscript%3E&state=x',
      '?&',
      '?code=a&code=b&state=c',
    ]) {
      const response = await browser.navigate(`/auth/callback${query}`, 'cross-site')
      t.equal(response.status, 400, query)
      const text = await response.text()
      t.notMatch(text, '<script>')
      t.match(response.headers.get('content-security-policy'), "default-src 'none'")
    }
    t.strictSame(await redis.client.keys('claimcheck:session:*'), [])
  },
)

t.test(
  'a route may ask for a stronger login: the person gets it, and a new ticket with it',
  async t => {
    const { gateway, login } = await start(t)
    const browser = createBrowser(gateway)
    await login(browser)
    const before = browser.cookies.get('__Host-Http-session')
    t.equal((await browser.ask('/app/x')).status, 200)
    const fetched = await browser.ask('/app/vault/key', { headers: { 'sec-fetch-mode': 'cors' } })
    t.equal(fetched.status, 403)
    t.match(await fetched.json(), {
      code: 'step_up_required',
      login: '/auth/login?acr=phr&max_age=900&return_to=%2Fapp%2Fvault%2Fkey',
    })
    const landed = await login(browser, '/app/vault/key')
    t.equal(landed.headers.get('location'), '/app/vault/key')
    t.equal((await browser.navigate('/app/vault/key', 'cross-site')).status, 200)
    t.not(browser.cookies.get('__Host-Http-session'), before, 'SL-01')
    t.equal((await browser.ask('/app/x')).status, 200)
  },
)
