import t from 'tap'
import { createBearerCheck } from '../../src/http/admin-sessions.ts'
import { handleOf } from '../../src/session/ticket.ts'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo, send } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { begin, loginOf, openStore } from '../fixtures/sessions.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

type Tap = Parameters<typeof startRedis>[0]

const token = 'the-admin-token-of-this-test-0123456789'

const start = async (t: Tap, { open } = { open: true }) => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const upstream = await startUpstream(t, api.answer)
  const yaml = `redis: { url: ${redis.url} }\n${routesTo(upstream.url)}`
  const gateway = await startGateway(t, yaml, {}, open ? token : undefined)
  const store = await openStore(t, redis.url)
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const response = await send(gateway.admin + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    const text = await response.text()
    const type = response.headers.get('content-type')
    return { status: response.status, headers: response.headers, type, text, body: parse(text) }
  }
  const lines = () =>
    gateway
      .log()
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
      .filter(line => line.audit === true)
  const status = async (cookie: string) => (await get(gateway, '/api/x', cookie)).status
  return { redis, api, gateway, store, ask, lines, status }
}

const parse = (text: string) => (text.startsWith('{') ? JSON.parse(text) : undefined)

t.test('without a token there is no admin API (AD-01)', async t => {
  const { gateway } = await start(t, { open: false })
  for (const method of ['GET', 'DELETE']) {
    const response = await send(`${gateway.admin}/sessions?all=true`, { method })
    t.equal(response.status, 404)
    t.equal(response.headers.get('content-type'), 'application/problem+json')
    t.match(await response.json(), { code: 'not_found', request_id: /./ })
  }
})

t.test('AD-02: only the token opens it, and it is compared whole', async t => {
  const isToken = createBearerCheck(token)
  t.ok(isToken(`Bearer ${token}`))
  t.ok(isToken(`bearer ${token}`))
  for (const wrong of [
    ...[undefined, '', 'Bearer', 'Bearer ', token, `Basic ${token}`, `Bearer ${token}x`],
    ...[`Bearer ${token.slice(1)}`, `Bearer ${token.toUpperCase()}`, `Bearer ${token} x`],
  ]) {
    t.notOk(isToken(wrong), `${wrong}`)
  }
  const { gateway, ask, lines, status } = await start(t)
  const { cookie, ticket } = await login(gateway, 'alice')
  for (const headers of [{ authorization: '' }, { authorization: 'Bearer wrong', cookie }]) {
    for (const [method, path] of [
      ['GET', '/sessions?provider=api&sub=alice'],
      ['GET', `/sessions/${handleOf(ticket)}`],
      ['DELETE', `/sessions/${handleOf(ticket)}`],
      ['DELETE', '/sessions?all=true'],
    ] as const) {
      const answer = await ask(method, path, headers)
      t.equal(answer.status, 401, `${method} ${path}`)
      t.equal(answer.type, 'application/problem+json')
      t.equal(answer.headers.get('www-authenticate'), 'Bearer')
      t.match(answer.body, { code: 'admin_refused' })
      const line = lines().find(({ id }) => id === answer.body.request_id)
      t.match(line, { event: 'refused', code: 'admin_refused', client: '127.0.0.1' })
    }
  }
  t.equal(await status(cookie), 200)
  t.equal((await send(`${gateway.admin}/livez`)).status, 200, 'probes need no token')
  for (const path of ['/sessions', '/metrics', '/readyz', '/livez']) {
    const headers = { authorization: `Bearer ${token}` }
    t.equal((await get(gateway, path, '', { headers })).status, 404, 'AD-01: not in public')
  }
})

t.test('AD-03: lists and shows sessions without anything secret', async t => {
  const { gateway, api, ask } = await start(t)
  const { cookie, ticket } = await login(gateway, 'alice')
  await login(gateway, 'bob')
  const list = await ask('GET', '/sessions?provider=api&sub=alice')
  t.equal(list.status, 200)
  t.equal(list.body.sessions.length, 1)
  const [session] = list.body.sessions
  const now = Date.now() / 1000
  t.match(session, { handle: handleOf(ticket), provider: 'api', iss: 'test-api', sub: 'alice' })
  t.ok(Math.abs(session.created - now) < 60 && Math.abs(session.last_seen - now) < 60)
  t.ok(Math.abs(session.expires_at - now - 12 * 3600) < 60)
  t.ok(Math.abs(session.idle_expires_at - now - 1800) < 60)
  t.equal(session.ip, '127.0.0.1')
  const one = await ask('GET', `/sessions/${handleOf(ticket)}`)
  t.match(one.body, { handle: session.handle, sub: 'alice' })
  for (const { text } of [list, one]) {
    t.notOk(text.includes(ticket))
    for (const part of (api.issued[0] ?? '').split('.')) t.notOk(text.includes(part))
    t.notOk(text.includes('refresh-alice-canary'))
  }
  const asCookie = cookie.replace(ticket, session.handle)
  t.equal((await get(gateway, '/api/x', asCookie)).status, 401)
  t.equal((await ask('GET', `/sessions/${'0'.repeat(64)}`)).status, 404)
  t.same((await ask('GET', '/sessions?provider=oidc&sub=alice')).body, { sessions: [] })
  for (const query of ['', '?provider=api', '?all=true', '?provider=api&sid=1']) {
    t.equal((await ask('GET', `/sessions${query}`)).status, 400, query)
  }
})

t.test('RV-16: ends one session, those of a person, of a sid, or all; AD-08: audited', async t => {
  const { gateway, store, ask, lines, status, redis } = await start(t)
  const [phone, laptop] = [await login(gateway, 'alice'), await login(gateway, 'alice')]
  const [bob, carol] = [await login(gateway, 'bob'), await login(gateway, 'carol')]
  const atProvider = loginOf('dave', { sid: 's:1' })
  const [one, other] = [await begin(store, atProvider), await begin(store, loginOf('dave'))]
  for (const { cookie } of [phone, laptop, bob, carol]) t.equal(await status(cookie), 200)

  const none = { ended: 0, replicated: null }
  const handle = handleOf(phone.ticket)
  const ended = await ask('DELETE', `/sessions/${handle}`)
  t.equal(ended.status, 200)
  t.strictSame(ended.body, { ended: 1, replicated: null })
  t.equal(await status(phone.cookie), 401)
  t.equal(await status(laptop.cookie), 200)
  t.strictSame((await ask('DELETE', `/sessions/${handle}`)).body, none, 'again: no error')
  t.match(
    lines().filter(line => line.event === 'sessions_ended'),
    [
      { by: 'admin', via: 'api', handle, provider: 'api', sub: 'alice', outcome: 'done', ended: 1 },
      { by: 'admin', handle, outcome: 'done', ended: 0 },
    ],
  )

  t.match((await ask('DELETE', '/sessions?provider=api&sub=alice')).body, { ended: 1 })
  await until(async () => (await status(laptop.cookie)) === 401)
  t.equal(await status(bob.cookie), 200)
  t.match((await ask('DELETE', '/sessions?provider=oidc&sid=s%3A1')).body, { ended: 1 })
  t.equal(await store.show(one.handle), undefined)
  t.ok(await store.show(other.handle))
  const all = await ask('DELETE', '/sessions?all=true')
  t.match(all.body, { ended: 3 })
  for (const { cookie } of [bob, carol]) await until(async () => (await status(cookie)) === 401)
  t.match(lines().at(-1), { event: 'sessions_ended', by: 'admin', all: true, ended: 3 })
  t.same(await redis.client.keys('*:session:*'), [])
  const metrics = await (await send(`${gateway.admin}/metrics`)).text()
  t.match(metrics, 'claimcheck_sessions_ended_total{cause="admin"} 6')
  t.equal((await login(gateway, 'alice')).response.status, 200, 'and a new login works')
})

t.test('AD-04: an empty or contradictory filter is refused, and nothing is ended', async t => {
  const { gateway, ask, status, redis } = await start(t)
  const { cookie } = await login(gateway, 'alice')
  const before = await redis.client.keys('*')
  for (const query of [
    ...['', '?', '?all', '?all=false', '?all=1', '?provider=api', '?sub=alice', '?sid=1'],
    ...['?provider=api&sub=', '?provider=api&sub=alice&sid=1', '?provider=api&sub=alice&all=true'],
    ...['?provider=api&sub=bob&sub=alice', '?provider=api&sub=alice&x=1', '?provider=api&sub=%zz'],
    ...['?provider=api&sub=%C3', '?PROVIDER=api&sub=alice', '/not-a-handle', `/${'A'.repeat(64)}`],
  ]) {
    const answer = await ask('DELETE', `/sessions${query}`)
    t.equal(answer.status, 400, query)
    t.equal(answer.type, 'application/problem+json')
    t.match(answer.body, { code: 'malformed_request' })
  }
  const withBody = await send(`${gateway.admin}/sessions`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"all":true}',
  })
  t.equal(withBody.status, 400, 'a body means nothing')
  t.equal((await ask('POST', '/sessions?all=true')).status, 404)
  t.equal(await status(cookie), 200)
  t.same((await redis.client.keys('*')).sort(), before.sort())
})

t.test('AD-05: the values of a filter are literals', async t => {
  const { store, ask } = await start(t)
  const odd = ['*', '[a-z]*', 'a\nb', 'x:y', 'a?', '\\*', 'ä', '%2A', 'alice', 'a b+c', ' ']
  const sessions = new Map<string, string>()
  for (const sub of odd) sessions.set(sub, (await begin(store, loginOf(sub))).handle)
  for (const sub of odd) {
    const query = new URLSearchParams({ provider: 'oidc', sub })
    const { body } = await ask('GET', `/sessions?${query}`)
    t.same(
      body.sessions.map((session: { handle: string }) => session.handle),
      [sessions.get(sub)],
    )
    t.match((await ask('DELETE', `/sessions?${query}`)).body, { ended: 1 }, JSON.stringify(sub))
    sessions.delete(sub)
    for (const [name, handle] of sessions) t.ok(await store.show(handle), `${name} is alive`)
  }
})

t.test('with Redis away it is 503, and the audit log says that it failed', async t => {
  const { redis, gateway, ask, lines } = await start(t)
  const { ticket } = await login(gateway, 'alice')
  await redis.stop()
  for (const [method, path] of [
    ['GET', '/sessions?provider=api&sub=alice'],
    ['GET', `/sessions/${handleOf(ticket)}`],
    ['DELETE', `/sessions/${handleOf(ticket)}`],
    ['DELETE', '/sessions?provider=api&sub=alice'],
    ['DELETE', '/sessions?all=true'],
  ] as const) {
    const answer = await ask(method, path)
    t.equal(answer.status, 503, `${method} ${path}`)
    t.equal(answer.headers.get('retry-after'), '1')
    t.match(answer.body, { code: 'redis_unavailable' })
    t.notMatch(answer.text, /ECONN|127\.0\.0\.1|Redis/, 'LO-06')
  }
  t.match(lines().slice(-2), [
    { event: 'sessions_ended', by: 'admin', provider: 'api', sub: 'alice', outcome: 'failed' },
    { event: 'sessions_ended', by: 'admin', all: true, outcome: 'failed' },
  ])
})
