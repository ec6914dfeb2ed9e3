import t from 'tap'
import { createLogout } from '../../src/login/logout.ts'
import { createTicket, handleOf } from '../../src/session/ticket.ts'
import { createLogin, goToProvider, keys, planOf, publicUrl } from '../fixtures/login.ts'
import { json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { createJar, type Jar, startProvider } from '../fixtures/provider.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

t.test('logging out', async t => {
  const redis = await startRedis(t)
  const { client } = redis
  const provider = await startProvider(t, { publicUrl })
  const gateway = createLogin(client, planOf(provider))
  const { oidc, store, log } = gateway
  const logout = createLogout({ publicUrl, store, oidc, log })
  const { startLogout, finishLogout } = logout

  const login = async (jar: Jar = createJar()) => {
    const { callback, loginCookie } = await goToProvider(gateway, provider, { jar })
    const query = callback.search
    const finished = await oidc.finishLogin({ query, loginCookie, presentedTicket: undefined })
    if (finished.kind !== 'created') throw new Error(finished.reason)
    return { ...finished, loginCookie }
  }
  const none = { ticket: undefined, loginCookie: undefined, returnTo: undefined }

  await t.test(
    'ends the session, and gives its refresh token back behind it (RV-02, RV-03)',
    async t => {
      const { ticket, handle } = await login()
      const { refreshToken } = (await store.readTokens(ticket))?.tokens ?? {}
      const started = await startLogout({ ...none, ticket })
      t.match(started.session, { handle, meta: { sub: 'alice' } })
      t.same(await client.keys('claimcheck:[su]*'), [], 'record and indexes are gone')
      await until(() => provider.state.revocations.length > 0)
      t.match(provider.state.revocations.at(-1), {
        ...{ token: refreshToken, token_type_hint: 'refresh_token' },
      })
    },
  )

  await t.test(
    'goes to the provider and comes back to where the person wanted (RV-04)',
    async t => {
      const jar = createJar()
      const { ticket, loginCookie } = await login(jar)
      const started = await startLogout({ ticket, loginCookie, returnTo: '/bye?x=1' })
      t.equal(started.loginCookie, loginCookie)
      const url = new URL(started.location)
      t.equal(url.origin + url.pathname, `${provider.issuer}/session/end`)
      const { state, ...sent } = Object.fromEntries(url.searchParams)
      t.match(state, /^[\w-]{43}$/)
      t.same(sent, {
        client_id: 'claimcheck',
        post_logout_redirect_uri: 'http://localhost:8080/auth/logout/callback',
      })
      const back = await provider.browse(jar, url)
      t.equal(back.origin + back.pathname, `${publicUrl}/auth/logout/callback`)
      t.equal(await finishLogout(back.search, loginCookie), '/bye?x=1')
      t.equal(await finishLogout(back.search, loginCookie), undefined, 'once')
    },
  )

  await t.test('comes back from nowhere else', async t => {
    const begin = async () => {
      const { ticket, loginCookie } = await login()
      const { location } = await startLogout({ ticket, loginCookie, returnTo: '/bye' })
      return { loginCookie, state: new URL(location).searchParams.get('state') }
    }
    const one = await begin()
    for (const [query, cookie] of [
      ['', one.loginCookie],
      ['?state=', one.loginCookie],
      [`?state=${createTicket()}`, one.loginCookie],
      [`?state=${one.state}&state=${one.state}`, one.loginCookie],
      [`?state=${one.state}`, undefined],
      [`?state=${one.state}`, 'x'],
    ] as const) {
      t.equal(await finishLogout(query, cookie), undefined, query)
    }
    t.equal(await finishLogout(`?state=${one.state}`, one.loginCookie), '/bye')
    const two = await begin()
    t.equal(await finishLogout(`?state=${two.state}`, createTicket()), undefined, 'another browser')
    const { callback, loginCookie } = await goToProvider(gateway, provider)
    t.equal(await finishLogout(callback.search, loginCookie), undefined, 'not with a log-in')
  })

  await t.test('stays on local paths (LG-10)', async t => {
    const { ticket, loginCookie } = await login()
    const started = await startLogout({ ticket, loginCookie, returnTo: '//evil.example' })
    const { search } = new URL(started.location)
    t.equal(await finishLogout(search, loginCookie), '/')
    t.equal((await startLogout({ ...none, returnTo: 'https:evil.example' })).location, '/')
  })

  await t.test('twice, or without a session, is harmless (RV-05)', async t => {
    const { ticket } = await login()
    await startLogout({ ...none, ticket })
    const known = provider.state.revocations.length
    for (const again of [ticket, createTicket(), 'x', undefined]) {
      const started = await startLogout({ ...none, ticket: again, returnTo: '/bye' })
      t.same(started, { session: undefined, location: '/bye', loginCookie: undefined })
    }
    await oidc.settle()
    t.ok(provider.state.revocations.length <= known + 1)
  })

  await t.test('stops a login of the same person that had begun', async t => {
    const { ticket } = await login()
    const { callback, loginCookie } = await goToProvider(gateway, provider)
    await startLogout({ ...none, ticket })
    const finished = await oidc.finishLogin({
      ...{ query: callback.search, loginCookie, presentedTicket: undefined },
    })
    t.match(finished, { kind: 'refused', code: 'login_ended' })
  })

  await t.test('does not wait for a provider that is down', async t => {
    const { ticket } = await login()
    const fresh = createLogin(client, planOf(provider))
    const there = createLogout({ publicUrl, store, oidc: fresh.oidc, log: fresh.log })
    await provider.stop()
    const started = await there.startLogout({ ...none, ticket, returnTo: '/bye' })
    t.match(started, { session: { meta: { sub: 'alice' } }, location: '/bye' })
    t.equal(await store.read(ticket), undefined, 'the session has ended')
    t.ok(fresh.lines.some(({ msg }) => msg === 'a log-out does not reach the provider'))
    await provider.start()
  })

  await t.test('is local where the provider has no page for it, or is another', async t => {
    const lying = await startLyingProvider(t)
    const metadata = { ...lying.metadata, end_session_endpoint: undefined }
    lying.answers.set('/.well-known/openid-configuration', json(metadata))
    const simple = createLogin(client, planOf(lying))
    const there = createLogout({ publicUrl, store, oidc: simple.oidc, log })
    const made = async (name: string) => {
      const tokens = { accessToken: 'a', claims: {} }
      const created = await store.create({ provider: name, iss: 'x', sub: 'alice', tokens })
      if (created.kind !== 'created') throw new Error(created.kind)
      return created.ticket
    }
    const bye = { session: {}, location: '/bye', loginCookie: undefined }
    const start = async (name: string, by = there) =>
      by.startLogout({ ...none, ticket: await made(name), returnTo: '/bye' })
    t.match(await start('oidc'), bye)
    t.match(await start('api'), bye)
    const captured = createLogout({ publicUrl, store, oidc: undefined, log })
    t.match(await start('api', captured), bye)
    t.equal(await captured.finishLogout(`?state=${createTicket()}`, createTicket()), undefined)
    await simple.oidc.settle()
  })

  await t.test('ends also a record that cannot be read', async t => {
    const { ticket, handle } = await login()
    await client.set(keys.session(handle), 'garbage', 'PX', 60_000)
    t.equal((await startLogout({ ...none, ticket })).session, undefined)
    t.equal(await client.exists(keys.session(handleOf(ticket))), 0)
  })

  await t.test('says so when Redis does not end it', async t => {
    const { ticket } = await login()
    client.disconnect()
    await t.rejects(startLogout({ ...none, ticket }), { code: 'redis_unavailable' })
  })
})
