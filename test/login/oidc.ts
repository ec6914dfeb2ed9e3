import { once } from 'node:events'
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import t from 'tap'
import type { BackchannelLogout } from '../../src/login/backchannel.ts'
import { createRefresh } from '../../src/login/refresh.ts'
import { createTicket } from '../../src/session/ticket.ts'
import { createLogin, goToProvider, keys, planOf, publicUrl } from '../fixtures/login.ts'
import { createJar, startProvider } from '../fixtures/provider.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

t.test('the OpenID login with a real provider', async t => {
  const { url } = await startRedis(t)
  // As the user that we ship, who may do nothing else.
  const client = new Redis(url)
  t.teardown(() => client.disconnect())
  const outcomes: BackchannelLogout[] = []
  const endpoint = createServer(async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    const outcome = await oidc.backchannelLogout(req.headers['content-type'], body)
    outcomes.push(outcome)
    res.writeHead(outcome.status).end()
  }).listen(0, '127.0.0.1')
  await once(endpoint, 'listening')
  t.teardown(() => endpoint.close())
  const address = endpoint.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const backchannelUri = `http://127.0.0.1:${address.port}/`
  const provider = await startProvider(t, { publicUrl, backchannelUri, accessTokenLife: 1 })
  const gateway = createLogin(client, planOf(provider))
  const { oidc, store, log } = gateway

  const login = async (jar = createJar()) => {
    const { callback, loginCookie } = await goToProvider(gateway, provider, { jar })
    const query = callback.search
    const finished = await oidc.finishLogin({ query, loginCookie, presentedTicket: undefined })
    if (finished.kind !== 'created') throw new Error(finished.reason)
    return { ...finished, loginCookie, jar }
  }

  await t.test('is not asked for before it is needed, unless it is warmed', async t => {
    t.same(provider.state.requests, [])
    oidc.warm()
    await until(() => provider.state.requests.length > 0)
    const { location } = await oidc.startLogin({
      ...{ returnTo: '/', loginCookie: undefined, presentedTicket: undefined },
    })
    t.match(location, provider.issuer)
    t.same(provider.state.requests, ['GET /.well-known/openid-configuration'])
  })

  await t.test('logs in and refreshes', async t => {
    const { ticket } = await login()
    const session = await store.read(ticket)
    provider.state.accessTokenLife = 300
    const { refreshIfDue } = createRefresh({
      ...{ redis: client, keys, store, log, onChange: () => () => undefined },
      backSince: () => Number.NEGATIVE_INFINITY,
      exchanges: new Map([['oidc', oidc.exchange]]),
    })
    t.match(session && (await refreshIfDue(session, ticket)), { kind: 'use' })
    t.match(await store.readTokens(ticket), { tokens: { accessToken: /^eyJ/ } })
  })

  await t.test('hears of a log-out at the provider', async t => {
    const one = await login()
    const other = await login()
    await provider.browse(
      one.jar,
      `${provider.issuer}/session/end?client_id=claimcheck&post_logout_redirect_uri=${encodeURIComponent(`${publicUrl}/auth/logout/callback`)}`,
    )
    t.match(outcomes, [{ status: 200, sub: 'alice', ended: 1 }])
    t.equal(await store.read(one.ticket), undefined)
    t.ok(await store.read(other.ticket), "another browser's session at the provider lives on")
  })

  await t.test('knows the session that a browser has last made', async t => {
    const { handle, loginCookie } = await login()
    t.equal(await oidc.lastSession(loginCookie), handle)
    t.equal(await oidc.lastSession(createTicket()), undefined)
    t.equal(await oidc.lastSession('x'), undefined)
  })

  await t.test('comes to rest', async t => {
    oidc.revoker.revoke({ accessToken: 'a', refreshToken: 'r' })
    const known = provider.state.revocations.length
    await oidc.settle()
    t.equal(provider.state.revocations.length, known + 1)
  })

  await t.test('never tells the log a token', async t => {
    t.notMatch(gateway.text(), /eyJ/)
  })
})

t.test('warming a provider that is down is no failure', async t => {
  const { client } = await startRedis(t)
  const { oidc, lines } = createLogin(
    client,
    planOf({ issuer: 'http://127.0.0.1:1', clientSecret: 'x' }),
  )
  oidc.warm()
  await until(() => lines.length > 0)
  t.match(lines, [{ level: 'warn', msg: 'the provider cannot be discovered' }])
})
