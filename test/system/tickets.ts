// The main job: a ticket in the browser, the JWT in Redis, the bearer at the API, and a delete that ends it.
import { createHash } from 'node:crypto'
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { sendRaw, startUpstream } from '../fixtures/upstream.ts'

const handleOf = (ticket: string) => createHash('sha256').update(ticket).digest('hex')

const start = async (t: Tap) => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const upstream = await startUpstream(t, api.answer)
  const gateway = await startGateway(t, `redis: { url: ${redis.url} }\n${routesTo(upstream.url)}`)
  return { redis, api, upstream, gateway }
}
type Tap = Parameters<typeof startRedis>[0]

t.test(
  'the login answer holds no token, and the API gets the bearer and not our cookie',
  async t => {
    const { gateway, api, upstream } = await start(t)
    const body = JSON.stringify({ user: 'alice', password: 'right' })
    const raw = await sendRaw(
      gateway.port,
      `POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
    const [token = ''] = api.issued
    t.match(raw, 'HTTP/1.1 200')
    for (const part of [...token.split('.'), 'refresh-alice-canary']) {
      t.notOk(
        raw.includes(part),
        'no part of a token is among the bytes sent to the client (TK-01)',
      )
    }
    t.match(
      raw,
      /\r\nset-cookie: __Host-Http-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict\r\n/i,
    )
    t.match(raw, /\{ ?"user": \{"id": "alice"\}\}$/, 'the rest of the body is as the API wrote it')

    const { cookie } = await login(gateway, 'bob')
    const response = await get(gateway, '/api/orders?a=1&a=2', cookie)
    t.equal(response.status, 200)
    t.equal(response.headers.get('cache-control'), 'private')
    const seen = upstream.requests.at(-1)
    t.equal(seen?.url, '/api/orders?a=1&a=2')
    t.equal(seen?.headers.authorization, `Bearer ${api.issued.at(-1)}`)
    t.equal(seen?.headers.cookie, undefined)
    t.equal(seen?.headers.host, new URL(upstream.url).host)
  },
)

t.test(
  'redis-cli DEL of a session key, or of the user key: 401, and the API sees no byte (RV-01)',
  async t => {
    const { gateway, upstream, redis } = await start(t)
    const one = await login(gateway, 'alice')
    const phone = await login(gateway, 'bob')
    const laptop = await login(gateway, 'bob')
    for (const { cookie } of [one, phone, laptop]) {
      t.equal((await get(gateway, '/api/orders', cookie)).status, 200)
    }
    const dead = async (cookie: string) => {
      const before = upstream.bytes()
      const response = await get(gateway, '/api/orders', cookie)
      t.equal(response.status, 401)
      t.equal(response.headers.get('content-type'), 'application/problem+json')
      t.match(await response.json(), { code: 'no_session', status: 401 })
      t.strictSame(
        response.headers.getSetCookie(),
        [],
        'a late answer must not remove a newer cookie',
      )
      t.equal(upstream.bytes(), before)
    }
    t.equal(await redis.client.del(`claimcheck:session:${handleOf(one.ticket)}`), 1)
    await dead(one.cookie)
    t.equal(
      (await get(gateway, '/api/orders', phone.cookie)).status,
      200,
      'nobody else is affected',
    )
    t.equal(await redis.client.del('claimcheck:user:api:bob'), 1)
    await dead(phone.cookie)
    await dead(laptop.cookie)
    const again = await login(gateway, 'bob')
    t.equal((await get(gateway, '/api/orders', again.cookie)).status, 200)
    await dead(phone.cookie)
  },
)

t.test(
  'each login makes a new ticket, and the presented one is dead (SL-01, SL-02, SL-03)',
  async t => {
    const { gateway, redis } = await start(t)
    const first = await login(gateway, 'alice')
    const second = await login(gateway, 'bob', first.cookie)
    t.not(second.ticket, first.ticket)
    t.equal((await get(gateway, '/api/x', first.cookie)).status, 401)
    t.equal(await redis.client.exists(`claimcheck:session:${handleOf(first.ticket)}`), 0)
    t.equal(await redis.client.exists('claimcheck:user:api:alice'), 0)

    const invented = 'A'.repeat(43)
    const third = await login(gateway, 'alice', `__Host-Http-session=${invented}`)
    t.not(third.ticket, invented)
    t.equal(await redis.client.exists(`claimcheck:session:${handleOf(invented)}`), 0)
    const doubled = await login(gateway, 'alice', `${third.cookie}; ${third.cookie}`)
    t.equal(
      doubled.response.status,
      200,
      'two cookies do not keep a person from logging in (CK-10)',
    )
  },
)

t.test('a failed login passes as the API answered it, and makes nothing', async t => {
  const { gateway, redis } = await start(t)
  const response = await fetch(`${gateway.url}/api/login`, {
    method: 'POST',
    body: JSON.stringify({ user: 'alice', password: 'wrong' }),
  })
  t.equal(response.status, 401)
  t.equal(await response.text(), '{"error":"wrong password"}')
  t.strictSame(response.headers.getSetCookie(), [])
  t.strictSame(await redis.client.keys('claimcheck:session:*'), [])
})

t.test(
  'GET /auth/session shows allowed claims and no token; POST /auth/logout ends the session',
  async t => {
    const { gateway, redis, api } = await start(t)
    const { cookie, ticket } = await login(gateway, 'alice')
    const response = await get(gateway, '/auth/session', cookie)
    const text = await response.text()
    const session = JSON.parse(text)
    t.match(session, { authenticated: true, user: { sub: 'alice', name: 'Name of alice' } })
    t.strictSame(Object.keys(session.user).sort(), ['name', 'sub'])
    const now = Date.now() / 1000
    t.ok(Math.abs(session.expires_at - now - 12 * 3600) < 60)
    t.ok(Math.abs(session.idle_expires_at - now - 1800) < 60)
    t.equal(response.headers.get('cache-control'), 'no-store')
    for (const part of (api.issued[0] ?? '').split('.')) t.notOk(text.includes(part), 'SL-14')

    const out = await get(gateway, '/auth/logout', cookie, { method: 'POST' })
    t.equal(out.status, 200)
    t.strictSame(await out.json(), { redirect: '/' })
    t.match(
      out.headers.getSetCookie()[0],
      /^__Host-Http-session=; Max-Age=0; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    )
    t.equal(await redis.client.exists(`claimcheck:session:${handleOf(ticket)}`), 0)
    t.equal((await get(gateway, '/auth/session', cookie)).status, 401)
    t.equal((await get(gateway, '/auth/logout', cookie, { method: 'POST' })).status, 200, 'RV-05')
    const form = await get(gateway, '/auth/logout', cookie, {
      method: 'POST',
      headers: {
        'sec-fetch-mode': 'navigate',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'a=b',
    })
    t.equal(form.status, 303)
    t.equal(form.headers.get('location'), '/')
  },
)

t.test(
  'what is under the auth path is ours: 404 and 405, never proxied, in no spelling (PA-10)',
  async t => {
    const { gateway, upstream } = await start(t)
    const { cookie } = await login(gateway, 'alice')
    const before = upstream.bytes()
    t.equal((await get(gateway, '/auth/nothing', cookie)).status, 404)
    t.equal((await get(gateway, '/auth', cookie)).status, 404)
    t.equal((await get(gateway, '/AUTH/session', cookie)).status, 404)
    const wrong = await get(gateway, '/auth/logout', cookie)
    t.equal(wrong.status, 405)
    t.equal(wrong.headers.get('allow'), 'POST')
    t.equal(
      (await get(gateway, '/%61uth/session', cookie)).status,
      200,
      'an escape of an unreserved character is that character',
    )
    t.equal((await get(gateway, '/elsewhere', cookie)).status, 404, 'PA-09')
    t.equal(
      (await get(gateway, '/api/login/x', cookie)).status,
      404,
      'nothing lies below a capture',
    )
    t.equal((await get(gateway, '/api/login', cookie)).status, 405)
    t.equal(upstream.bytes(), before)
  },
)

t.test(
  'a request from another site has no effect, not even on the idle timeout (CS-05)',
  async t => {
    const { gateway, upstream, redis } = await start(t)
    const { cookie } = await login(gateway, 'alice')
    await get(gateway, '/api/x', cookie)
    const before = upstream.bytes()
    const commands = async () =>
      /cmdstat_get:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1]
    const gets = await commands()
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'nonsense' },
      { 'sec-fetch-site': 'none', origin: 'https://evil.example' },
    ]) {
      const response = await get(gateway, '/api/x', cookie, { method: 'POST', headers })
      t.equal(response.status, 403)
      t.match(await response.json(), { code: 'cross_site' })
    }
    const loggedOut = await get(gateway, '/auth/logout', cookie, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'cross-site' },
    })
    t.equal(loggedOut.status, 403)
    t.equal(upstream.bytes(), before)
    t.equal(await commands(), gets, 'no session was looked up')
    t.equal((await get(gateway, '/api/x', cookie)).status, 200)
  },
)
