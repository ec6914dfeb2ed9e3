// Pages of listed origins may use a route, and read why it refuses them; nobody else.
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo, send } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const app = 'https://other.example.com'

const start = async (t: Parameters<typeof startRedis>[0]) => {
  const redis = await startRedis(t)
  const logins = await startUpstream(t, createLoginApi().answer)
  const upstream = await startUpstream(t, (_req, res) => {
    res.setHeader('access-control-allow-origin', '*')
    res.setHeader('access-control-allow-credentials', 'true')
    res.end('data')
  })
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }\n${routesTo(
      logins.url,
      `  - { path: /shared, upstream: "${upstream.url}", methods: [GET, POST], cors: { origins: ["${app}"] } }
  - { path: /any, upstream: "${upstream.url}", cors: { origins: ["${app}"] } }
  - { path: /own, upstream: "${upstream.url}" }`,
    )}`,
  )
  const { cookie } = await login(gateway, 'alice')
  return { gateway, upstream, cookie }
}

const allowed = (response: Response) => response.headers.get('access-control-allow-origin')

t.test('only a listed origin is named, also to simple requests (CS-09)', async t => {
  const { gateway, upstream, cookie } = await start(t)
  const origins = [
    ...['null', '*', 'https://example.com', 'https://sub.other.example.com'],
    ...[`${app}.evil.example`, 'https://evil-other.example.com', 'http://other.example.com'],
    ...[`${app}:8443`, `${app}/`, 'https://OTHER.example.com'],
  ]
  for (const origin of origins) {
    const response = await get(gateway, '/shared/x', cookie, {
      headers: { origin, 'sec-fetch-site': 'cross-site' },
    })
    t.equal(response.status, 403, origin)
    t.equal(allowed(response), null, origin)
    t.match(response.headers.get('vary'), /\bOrigin\b/)
  }
  t.equal(upstream.bytes(), 0)
  const response = await get(gateway, '/shared/x', cookie, {
    headers: { origin: app, 'sec-fetch-site': 'cross-site' },
  })
  t.equal(response.status, 200)
  t.equal(allowed(response), app)
  t.equal(response.headers.get('access-control-allow-credentials'), 'true')
  t.match(response.headers.get('vary'), /\bOrigin\b/)
  const own = await get(gateway, '/own', cookie)
  t.equal(allowed(own), null, 'what an upstream says of origins is dropped (CS-10)')
  t.equal(own.headers.get('access-control-allow-credentials'), null)
})

t.test('a preflight is answered here, for the route of the method it asks for (CS-10)', async t => {
  const { gateway, upstream, cookie } = await start(t)
  const preflight = (path: string, method: string, origin = app) =>
    send(gateway.url + path, {
      method: 'OPTIONS',
      headers: {
        ...{ origin, 'access-control-request-method': method, 'sec-fetch-site': 'cross-site' },
        'access-control-request-headers': 'content-type',
      },
    })
  const response = await preflight('/shared/x', 'POST')
  t.equal(response.status, 204, 'though the route does not take OPTIONS')
  t.equal(allowed(response), app)
  t.equal(response.headers.get('access-control-allow-methods'), 'GET, POST')
  t.equal(response.headers.get('access-control-allow-headers'), 'content-type')
  t.equal((await preflight('/any', 'DELETE')).status, 204)

  for (const [path, method, origin, status] of [
    ['/shared/x', 'DELETE', app, 405],
    ['/shared/x', 'POST', 'https://evil.example', 405],
    ['/any', 'POST', 'https://evil.example', 403],
    ['/own', 'POST', app, 403],
    ['/auth/session', 'GET', app, 405],
    ['/nowhere', 'GET', app, 404],
  ] as const) {
    const refused = await preflight(path, method, origin)
    t.equal(refused.status, status, `${path} ${method} ${origin}`)
    t.equal(refused.headers.get('access-control-allow-methods'), null)
  }

  const plain = { method: 'OPTIONS', headers: { origin: app, 'sec-fetch-site': 'cross-site' } }
  const ordinary = await send(`${gateway.url}/any`, plain)
  t.equal(ordinary.status, 401, 'an OPTIONS that asks for no method is any request')
  t.equal(upstream.bytes(), 0)
  t.equal((await get(gateway, '/any', cookie, plain)).status, 200)
})

t.test('a listed page can read why the gateway refuses (CS-11)', async t => {
  const { gateway } = await start(t)
  const dead = `__Host-Http-session=${'x'.repeat(43)}`
  const headers = { origin: app, 'sec-fetch-site': 'cross-site' }
  const response = await get(gateway, '/shared/x', dead, { headers })
  t.equal(response.status, 401)
  t.equal(allowed(response), app)
  t.equal(response.headers.get('access-control-allow-credentials'), 'true')
  t.match(await response.json(), { code: 'no_session' })
})
