import t from 'tap'
import { createFinishLogin, type FinishedLogin } from '../../src/login/complete.ts'
import { createTransactions } from '../../src/login/transaction.ts'
import { createTicket, handleOf } from '../../src/session/ticket.ts'
import { createLogin, goToProvider, keys, planOf, publicUrl } from '../fixtures/login.ts'
import { createJar, startProvider } from '../fixtures/provider.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

const created = (finished: FinishedLogin) => {
  if (finished.kind !== 'created') throw new Error(`${finished.code}: ${finished.reason}`)
  return finished
}

t.test('finishing a login', async t => {
  const redis = await startRedis(t)
  const { client } = redis
  const provider = await startProvider(t, { publicUrl })
  const gateway = createLogin(client, planOf(provider))
  const { oidc, store } = gateway
  const go = (options: Parameters<typeof goToProvider>[2] = {}) =>
    goToProvider(gateway, provider, options)
  type Tab = Awaited<ReturnType<typeof go>>
  const finish = ({ callback, loginCookie }: Tab, presentedTicket?: string) =>
    oidc.finishLogin({ query: callback.search, loginCookie, presentedTicket })
  t.afterEach(async () => {
    await client.flushall()
    provider.state.tokenCalls = []
  })

  await t.test('makes a session and goes back to where the person wanted', async t => {
    const { callback, loginCookie } = await go({ returnTo: '/orders?page=2' })
    const finished = created(
      await oidc.finishLogin({
        ...{ query: callback.search, loginCookie, presentedTicket: undefined },
        ...{ ip: '192.0.2.1', agent: 'a browser' },
      }),
    )
    t.match(finished, { returnTo: '/orders?page=2', sub: 'alice', replaced: [], evicted: [] })
    t.equal(finished.handle, handleOf(finished.ticket))
    const loaded = await store.readTokens(finished.ticket)
    t.match(loaded, {
      session: {
        meta: { provider: 'oidc', iss: provider.issuer, sub: 'alice', ip: '192.0.2.1' },
        claims: { name: 'The alice' },
        hasRefreshToken: true,
      },
      tokens: { accessToken: /^eyJ/, idToken: /^eyJ/ },
    })
    const names = await client.keys('*')
    t.ok(names.includes(keys.sid('oidc', loaded?.session.meta.sid ?? '')), 'the sid is known')
    const stored = await Promise.all(
      names.map(async name => `${name} ${(await client.dump(name).catch(() => '')) ?? ''}`),
    )
    t.notMatch(stored.join(), /eyJ/, 'no token is readable in Redis (TK-03)')
  })

  await t.test('works once, and in the browser that began (LG-02)', async t => {
    const tab = await go()
    const other = { ...tab, loginCookie: createTicket() }
    t.match(await finish(other), { kind: 'refused', code: 'login_expired' })
    t.match(await finish(tab), { code: 'login_expired' }, 'the attempt has used it up')

    const bare = await go()
    for (const loginCookie of [undefined, '', 'x']) {
      const query = bare.callback.search
      const refused = await oidc.finishLogin({ query, loginCookie, presentedTicket: undefined })
      t.match(refused, { kind: 'refused', code: 'login_expired', returnTo: undefined })
    }
    created(await finish(bare))
    t.match(await finish(bare), { code: 'login_expired' })

    const twice = await go()
    const both = await Promise.all([finish(twice), finish(twice)])
    t.same(both.map(({ kind }) => kind).sort(), ['created', 'refused'])
    t.equal(provider.state.tokenCalls.length, 2, 'what is refused asks the provider nothing')
  })

  await t.test(
    'refuses a callback that is malformed or of another provider (LG-04, LG-17)',
    async t => {
      const tab = await go()
      const changed = (change: (parameters: URLSearchParams) => void) => {
        const callback = new URL(tab.callback)
        change(callback.searchParams)
        return finish({ ...tab, callback })
      }
      for (const change of [
        (query: URLSearchParams) => query.delete('state'),
        (query: URLSearchParams) => query.append('code', 'x'),
        (query: URLSearchParams) => query.append('error', 'x'),
        (query: URLSearchParams) => query.delete('code'),
      ]) {
        t.match(await changed(change), { kind: 'refused', code: 'malformed_request' })
      }
      const iss = await changed(query => query.set('iss', 'https://evil.example'))
      t.match(iss, { code: 'malformed_request', returnTo: '/' })
      t.match(await finish(tab), { code: 'login_expired' })
      const silent = await go()
      silent.callback.searchParams.delete('iss')
      t.match(await finish(silent), { code: 'malformed_request' }, 'this provider always says it')
      t.equal(provider.state.tokenCalls.length, 0)
      t.same(await client.keys(keys.everySession), [])
    },
  )

  await t.test('ends the session that the browser presents (SL-01)', async t => {
    const first = created(await finish(await go()))
    const second = created(await finish(await go(), first.ticket))
    t.same(second.replaced, [first.handle])
    t.equal(await store.read(first.ticket), undefined)
    t.ok(await store.read(second.ticket))

    const third = created(await finish(await go({ presentedTicket: second.ticket })))
    t.same(third.replaced, [second.handle], 'presented when it began')
    const odd = created(await finish(await go({ presentedTicket: 'x' }), 'x'))
    t.same(odd.replaced, [])
  })

  for (const mode of ['Lax', 'Strict'] as const) {
    await t.test(`leaves one session of three tabs, in any order (${mode})`, async t => {
      const jar = createJar()
      const first = await go({ jar, returnTo: '/1' })
      const { loginCookie } = first
      const second = await go({ jar, loginCookie, returnTo: '/2' })
      const third = await go({ jar, loginCookie, returnTo: '/3' })
      t.same(new Set([second.loginCookie, third.loginCookie]), new Set([loginCookie]))

      let ticket: string | undefined
      const landed: string[] = []
      for (const tab of [second, third, first]) {
        // A Strict cookie is not sent with a navigation that comes from the provider.
        const finished = created(await finish(tab, mode === 'Lax' ? ticket : undefined))
        landed.push(finished.returnTo)
        if (ticket !== undefined) t.same(finished.replaced, [handleOf(ticket)])
        ticket = finished.ticket
      }
      t.same(landed, ['/2', '/3', '/1'], 'all land')
      t.equal((await client.keys(keys.everySession)).length, 1)
      t.ok(ticket && (await store.read(ticket)), 'the last one is live')
    })
  }

  await t.test('leaves one session of many tabs that finish at once', async t => {
    const jar = createJar()
    const first = await go({ jar })
    const tabs = [first]
    for (let n = 0; n < 7; n++) tabs.push(await go({ jar, loginCookie: first.loginCookie }))
    const finished = (await Promise.all(tabs.map(tab => finish(tab)))).map(created)
    t.equal(finished.length, 8)
    t.equal((await store.list('oidc', 'alice')).length, 1)
    t.equal((await client.keys(keys.everySession)).length, 1)
    const replaced = finished.flatMap(one => one.replaced)
    t.equal(new Set(replaced).size, 7, 'each of the others was ended once')
  })

  await t.test('leaves other browsers alone', async t => {
    const one = created(await finish(await go()))
    const other = created(await finish(await go({ jar: createJar() })))
    t.ok(await store.read(one.ticket))
    t.ok(await store.read(other.ticket))
  })

  await t.test('is refused after a log-out that came while it was under way (RV-14)', async t => {
    const jar = createJar()
    const before = created(await finish(await go({ jar })))
    const { sid = '' } = (await store.read(before.ticket))?.meta ?? {}
    for (const logOut of [
      () => store.endUser('oidc', 'alice'),
      () => store.endSid('oidc', sid),
      () => store.endAll(),
    ]) {
      const tab = await go({ jar, returnTo: '/orders' })
      await logOut()
      const { revocations } = provider.state
      const known = revocations.length
      t.match(await finish(tab), { kind: 'refused', code: 'login_ended', returnTo: '/orders' })
      t.same(await client.keys(keys.everySession), [])
      await until(() => revocations.length > known)
      t.match(revocations.at(-1), { token_type_hint: 'refresh_token' }, 'its tokens are given back')
      await client.flushall()
    }

    const held = await go({ jar })
    provider.state.after = async path => {
      if (path === '/token') await store.endUser('oidc', 'alice')
    }
    t.match(await finish(held), { code: 'login_ended' }, 'also one that comes with the tokens')
    provider.state.after = async () => undefined
    created(await finish(await go({ jar })))
  })

  await t.test('tells apart what else can go wrong', async t => {
    const limited = createLogin(client, planOf(provider), { maxPerUser: 1, atLimit: 'refuse' })
    const attempt = async () => {
      const { callback, loginCookie } = await goToProvider(limited, provider)
      const query = callback.search
      return limited.oidc.finishLogin({ query, loginCookie, presentedTicket: undefined })
    }
    created(await attempt())
    t.match(await attempt(), { kind: 'refused', code: 'too_many_sessions' })
    await limited.oidc.settle()

    const used = await go()
    created(await finish(used))
    const again = await go()
    again.callback.searchParams.set('code', used.callback.searchParams.get('code') ?? '')
    t.match(await finish(again), { code: 'login_expired' }, 'a code that was used')

    const denied = await go({ returnTo: '/orders' })
    denied.callback.searchParams.delete('code')
    denied.callback.searchParams.set('error', 'access_denied')
    t.match(await finish(denied), {
      ...{ code: 'login_refused', reason: /access_denied/, returnTo: '/orders' },
    })
  })

  await t.test('can be repeated when the provider was down (FL-06)', async t => {
    const tab = await go()
    await provider.stop()
    const fresh = createLogin(client, planOf(provider))
    const callback = { query: tab.callback.search, loginCookie: tab.loginCookie }
    const repeat = () => fresh.oidc.finishLogin({ ...callback, presentedTicket: undefined })
    await t.rejects(repeat(), { code: 'provider_unavailable' })
    await provider.start()
    await until(async () => (await repeat().catch(() => undefined))?.kind === 'created')
  })

  await t.test('says that the provider is down when it goes away in the middle', async t => {
    const tab = await go()
    await provider.stop()
    t.match(await finish(tab), { kind: 'refused', code: 'provider_unavailable' })
    await provider.start()
  })

  await t.test('leaves no session that nobody knows of when Redis fails (FL-04)', async t => {
    const tab = await go()
    const remembered = keys.login(handleOf(tab.loginCookie))
    const made = createFinishLogin({
      ...{ provider: oidc.provider, revoker: oidc.revoker },
      transactions: createTransactions({ redis: client, keys, secrets: [] }),
      store: {
        ...store,
        create: async (...args) => {
          const outcome = await store.create(...args)
          // What was made cannot be remembered as this browser's last session.
          await client.hset(remembered, 'not', 'a text')
          return outcome
        },
      },
    })
    const { loginCookie, callback } = tab
    const query = callback.search
    const failing = made({ query, loginCookie, presentedTicket: undefined })
    await t.rejects(failing, { code: 'redis_unavailable' })
    t.same(await client.keys(keys.everySession), [], 'it is ended again')
    await oidc.settle()
    await client.flushall()

    const full = await go()
    await client.config('SET', 'maxmemory', '1')
    const known = provider.state.revocations.length
    await t.rejects(finish(full), { code: 'redis_unavailable' })
    await client.config('SET', 'maxmemory', '0')
    t.same(await client.keys(keys.everySession), [])
    await oidc.settle()
    t.ok(provider.state.revocations.length > known, 'its tokens are given back')
  })
})
