import { createHash } from 'node:crypto'
import t from 'tap'
import { mySessionsTable } from '../../src/http/my-sessions.ts'
import { handleOf } from '../../src/session/ticket.ts'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { begin, loginOf, openStore } from '../fixtures/sessions.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

type Tap = Parameters<typeof startRedis>[0]

const start = async (t: Tap) => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const upstream = await startUpstream(t, api.answer)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }\nloginPage: /login\n${routesTo(
      upstream.url,
      `  - { path: /login, upstream: "${upstream.url}", auth: none }`,
    )}`,
  )
  const logIn = async (user: string) => {
    const made = await login(gateway, user)
    return { ...made, handle: handleOf(made.ticket) }
  }
  const status = async (cookie: string) => (await get(gateway, '/api/x', cookie)).status
  const lines = () =>
    gateway
      .log()
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
      .filter(line => line.event === 'sessions_ended')
  const metric = async () => {
    const text = await (await fetch(`${gateway.admin}/metrics`)).text()
    return Number(/sessions_ended_total\{cause="user"\} (\d+)/.exec(text)?.[1] ?? 0)
  }
  return { redis, gateway, api, logIn, status, lines, metric }
}

const navigation = {
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  accept: 'text/html',
}

t.test(
  'GET /auth/sessions shows my own sessions, in seconds, and none of their secrets',
  async t => {
    const { redis, gateway, api, logIn } = await start(t)
    const [phone, laptop] = [await logIn('alice'), await logIn('alice')]
    const bob = await logIn('bob')
    const store = await openStore(t, redis.url)
    await begin(store, loginOf('alice'))
    const life = () => redis.client.pttl(`claimcheck:session:${laptop.handle}`)
    await redis.client.pexpire(`claimcheck:session:${laptop.handle}`, 600_000)
    const response = await get(gateway, '/auth/sessions', laptop.cookie)
    t.equal(response.status, 200)
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.ok((await life()) <= 600_000, 'which does not slide the idle timeout')
    const text = await response.text()
    const { sessions } = JSON.parse(text)
    t.equal(sessions.length, 2, 'alice of another provider is somebody else')
    const names = 'handle,current,created,last_seen,expires_at,ip,agent,provider'.split(',')
    for (const session of sessions) t.strictSame(Object.keys(session), names)
    t.match(
      new Map(
        sessions.map((one: { handle: string; current: boolean }) => [one.handle, one.current]),
      ),
      new Map([
        [phone.handle, false],
        [laptop.handle, true],
      ]),
    )
    const now = Date.now() / 1000
    for (const { created, last_seen, expires_at, ip, provider } of sessions) {
      t.ok(Math.abs(created - now) < 60 && Math.abs(expires_at - now - 12 * 3600) < 60)
      t.ok(last_seen >= created && last_seen <= now + 1)
      t.same([ip, provider], ['127.0.0.1', 'api'])
    }
    for (const { ticket } of [phone, laptop, bob]) t.notOk(text.includes(ticket))
    for (const token of api.issued) {
      for (const part of token.split('.')) t.notOk(text.includes(part), 'TK-01')
    }
  },
)

t.test('AD-07: ends one of my sessions, and nobody else’s', async t => {
  const { gateway, logIn, status, lines, metric } = await start(t)
  const [phone, laptop, bob] = [await logIn('alice'), await logIn('alice'), await logIn('bob')]
  const end = (handle: string, cookie: string, headers = {}) =>
    get(gateway, `/auth/sessions/${handle}`, cookie, { method: 'DELETE', headers })

  for (const handle of [bob.handle, '0'.repeat(64)]) {
    t.equal((await end(handle, laptop.cookie)).status, 404)
  }
  t.equal((await end('not-a-handle', laptop.cookie)).status, 404)
  t.equal((await end(phone.handle, '')).status, 401)
  t.equal((await end(phone.handle, laptop.cookie, { 'sec-fetch-site': 'cross-site' })).status, 403)
  t.equal((await end(phone.handle, laptop.cookie, { 'sec-fetch-site': 'same-site' })).status, 403)
  for (const { cookie } of [phone, laptop, bob]) t.equal(await status(cookie), 200, 'alive')
  t.same(lines(), [])

  const answer = await end(phone.handle, laptop.cookie)
  t.equal(answer.status, 200)
  t.strictSame(await answer.json(), { ended: 1, replicated: null })
  t.equal(await status(phone.cookie), 401)
  t.equal(await status(laptop.cookie), 200)
  t.equal((await end(phone.handle, laptop.cookie)).status, 404, 'it is gone')
  const { handle } = phone
  t.match(lines(), [{ audit: true, by: 'user', handle, sub: 'alice', outcome: 'done', ended: 1 }])

  const own = await end(laptop.handle, laptop.cookie)
  t.equal(own.status, 200)
  t.strictSame(own.headers.getSetCookie(), [], 'only a log-out clears the cookie')
  t.equal(await status(laptop.cookie), 401)
  t.equal(await metric(), 2)
  t.equal(await status(bob.cookie), 200)
})

t.test('ends all of my sessions, or all but this one; anything else ends nothing', async t => {
  const { gateway, logIn, status, lines, metric } = await start(t)
  const [one, two, three] = [await logIn('alice'), await logIn('alice'), await logIn('alice')]
  const bob = await logIn('bob')
  const end = (query: string) =>
    get(gateway, `/auth/sessions${query}`, one.cookie, { method: 'DELETE' })
  for (const query of ['?except=me', '?except=current&x', '?Except=current', '?all', '?x=1']) {
    t.equal((await end(query)).status, 400, query)
  }
  for (const { cookie } of [one, two, three]) t.equal(await status(cookie), 200)

  t.match(await (await end('?except=current')).json(), { ended: 2 })
  for (const { cookie } of [two, three]) await until(async () => (await status(cookie)) === 401)
  t.equal(await status(one.cookie), 200)
  t.match(lines().at(-1), { by: 'user', sub: 'alice', others: true, ended: 2, handle: one.handle })

  const four = await logIn('alice')
  const all = await end('')
  t.match(await all.json(), { ended: 2 })
  t.strictSame(all.headers.getSetCookie(), [])
  for (const { cookie } of [one, four]) await until(async () => (await status(cookie)) === 401)
  t.equal(await status(bob.cookie), 200)
  t.equal(await metric(), 4)
})

t.test('GET /auth/devices is a page that does what it does without a script', async t => {
  const { gateway, logIn, status } = await start(t)
  const [phone, laptop] = [await logIn('alice'), await logIn('alice')]
  await logIn('bob')
  const response = await get(gateway, '/auth/devices', laptop.cookie, { headers: navigation })
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
  t.equal(response.headers.get('cache-control'), 'no-store')
  const html = await response.text()
  const style = /<style>([\s\S]*)<\/style>/.exec(html)?.[1] ?? ''
  const digest = createHash('sha256').update(style).digest('base64')
  t.equal(
    response.headers.get('content-security-policy'),
    `default-src 'none'; style-src 'sha256-${digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  )
  t.notMatch(html, /<script|javascript:|\son\w+=|style="/)
  const values = [...html.matchAll(/<button name="end" value="([^"]+)"/g)].map(([, value]) => value)
  t.same(values.sort(), [phone.handle, laptop.handle, 'others', 'all'].sort())
  t.equal(html.split('This device').length, 2)

  const post = (body: string, cookie = laptop.cookie, headers = {}) =>
    get(gateway, '/auth/devices', cookie, {
      method: 'POST',
      headers: { ...navigation, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    })
  const foreign = await post(`end=${phone.handle}`, laptop.cookie, {
    'sec-fetch-site': 'same-site',
  })
  t.equal(foreign.status, 403)
  for (const body of ['', 'end=', 'end=everything', `end=${phone.handle}&end=all`, 'all=all']) {
    t.equal((await post(body)).status, 400, body)
  }
  const json = await post('{"end":"all"}', laptop.cookie, { 'content-type': 'application/json' })
  t.equal(json.status, 400)
  for (const { cookie } of [phone, laptop]) t.equal(await status(cookie), 200)

  const ended = await post(`end=${phone.handle}`)
  t.equal(ended.status, 303)
  t.equal(ended.headers.get('location'), '/auth/devices')
  t.strictSame(ended.headers.getSetCookie(), [])
  t.equal(await status(phone.cookie), 401)
  const [tablet, bob] = [await logIn('alice'), await logIn('bob')]
  t.equal((await post(`end=${bob.handle}`)).status, 404)
  t.equal((await post('end=others')).status, 303)
  await until(async () => (await status(tablet.cookie)) === 401)
  t.equal(await status(laptop.cookie), 200)
  t.equal((await post('end=all')).status, 303)
  t.equal(await status(laptop.cookie), 401)
  t.equal(await status(bob.cookie), 200)
  const late = await post('end=all')
  t.equal(late.status, 401)
  t.match(late.headers.get('content-type'), 'text/html', 'who sees it is a person')
})

t.test('without a session the page says so and links to the login; a script gets JSON', async t => {
  const { gateway } = await start(t)
  const response = await get(gateway, '/auth/devices', '', { headers: navigation })
  t.equal(response.status, 401)
  t.match(await response.text(), '<a href="/login">Log in</a>')
  const fromElsewhere = { ...navigation, 'sec-fetch-site': 'cross-site' }
  t.equal((await get(gateway, '/auth/devices', '', { headers: fromElsewhere })).status, 401)
  for (const { method, path } of mySessionsTable) {
    const options = method === 'POST' ? { method, body: 'end=all' } : { method }
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await get(gateway, `/auth${path.replace(':handle', '0'.repeat(64))}`, '', {
      ...options,
      headers,
    })
    t.equal(answer.status, 401, `${method} ${path}`)
    t.match(await answer.json(), { code: 'no_session', login: '/login' })
  }
})

t.test('with Redis away nothing is ended and nobody is logged out', async t => {
  const { redis, gateway, logIn, status } = await start(t)
  const { cookie, handle } = await logIn('alice')
  t.equal(await status(cookie), 200)
  await redis.stop()
  for (const [method, path] of [
    ['GET', '/auth/sessions'],
    ['DELETE', `/auth/sessions/${handle}`],
    ['DELETE', '/auth/sessions?except=current'],
    ['DELETE', '/auth/sessions'],
    ['GET', '/auth/devices'],
  ] as const) {
    const answer = await get(gateway, path, cookie, { method })
    t.equal(answer.status, 503, `${method} ${path}`)
    t.strictSame(answer.headers.getSetCookie(), [])
  }
  await redis.start()
  await until(async () => (await status(cookie)) === 200)
})
