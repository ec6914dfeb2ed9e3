// What the admin listener tells after real traffic, and that it tells nothing of anybody.
import t, { type Test } from 'tap'
import { scrape } from '../fixtures/exposition.ts'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo, send } from '../fixtures/login-api.ts'
import { startOpenidGateway } from '../fixtures/openid-gateway.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const navigation = {
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}

/** A gateway on a Redis of its own, in front of an API with a login. */
const start = async (t: Test, session = '', more = '') => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const upstream = await startUpstream(t, api.answer)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }\nsession: { ${session} }\nloginPage: /login\n${routesTo(
      upstream.url,
      `  - { path: /login, upstream: "${upstream.url}", auth: none }
  - { path: /app, upstream: "${upstream.url}", pages: true }\n${more}`,
    )}`,
  )
  return { redis, upstream, gateway, metrics: () => scrape(gateway) }
}

t.test('requests, refusals, challenges, sessions', async t => {
  const { gateway, metrics } = await start(t)
  const { cookie } = await login(gateway, 'alice')
  for (let i = 0; i < 3; i++) await (await get(gateway, '/api/x', cookie)).text()
  await get(gateway, '/api/x', '')
  const page = await send(`${gateway.url}/app`, { headers: navigation })
  t.equal(page.status, 303)
  await get(gateway, '/nowhere', cookie)
  await get(gateway, '/auth/logout', cookie, { method: 'POST' })
  await until(async () => (await metrics()).of('claimcheck_requests_total') === 8)
  const { of } = await metrics()
  t.equal(of('claimcheck_requests_total', { route: '/api', status: '2xx' }), 3)
  t.equal(of('claimcheck_requests_total', { route: '/api', status: '4xx' }), 1)
  t.equal(of('claimcheck_requests_total', { route: '/api/login', status: '2xx' }), 1)
  t.equal(of('claimcheck_request_seconds_count', { route: '/api' }), 4)
  t.equal(of('claimcheck_requests_total', { route: '(none)' }), 2)
  t.equal(of('claimcheck_refusals_total', { code: 'no_session' }), 1)
  t.equal(of('claimcheck_refusals_total', { code: 'not_found' }), 1)
  t.equal(of('claimcheck_challenges_total', { kind: 'link' }), 1)
  t.equal(of('claimcheck_challenges_total', { kind: 'redirect' }), 1)
  t.equal(of('claimcheck_sessions_created_total', { provider: 'api' }), 1)
  t.equal(of('claimcheck_sessions_ended_total', { cause: 'logout' }), 1)
  t.equal((await metrics()).of('claimcheck_requests_total'), 8, 'asking twice counts nothing twice')
})

t.test('the cache and the announcements', async t => {
  const { gateway, metrics } = await start(t)
  await until(async () => (await metrics()).of('claimcheck_tracking', { state: 'up' }) === 1)
  const { cookie } = await login(gateway, 'alice')
  await get(gateway, '/api/x', cookie)
  const before = await metrics()
  t.equal(before.of('claimcheck_cache_entries'), 1)
  t.ok(before.of('claimcheck_cache_bytes') > 1_000)
  for (let i = 0; i < 10; i++) await get(gateway, '/api/x', cookie)
  const after = await metrics()
  t.equal(after.of('claimcheck_cache_hits_total') - before.of('claimcheck_cache_hits_total'), 10)
  t.equal(after.of('claimcheck_cache_misses_total'), before.of('claimcheck_cache_misses_total'))
  t.equal(after.of('claimcheck_tracking'), 1, 'one state at a time')
  t.ok(after.of('claimcheck_invalidation_seconds_count') >= 1)
  t.ok(after.of('claimcheck_invalidation_seconds_sum') > 0)
})

t.test(
  'a Redis that says nothing: the lease lapses, commands time out, announcements are lost',
  async t => {
    const { redis, gateway, metrics } = await start(t)
    await until(async () => (await metrics()).of('claimcheck_tracking', { state: 'up' }) === 1)
    const { cookie } = await login(gateway, 'alice')
    await get(gateway, '/api/x', cookie)
    t.equal((await metrics()).of('claimcheck_redis_up'), 1)
    redis.pause()
    t.teardown(() => redis.resume())
    // One request after the other, so that some come between the end of the lease and the loss of the link.
    await until(async () => {
      await get(gateway, '/api/x', cookie)
      return (await metrics()).of('claimcheck_tracking', { state: 'down' }) === 1
    })
    const { of } = await metrics()
    t.ok(of('claimcheck_cache_lease_lapses_total') > 0)
    t.equal(of('claimcheck_tracking_losses_total'), 1)
    t.ok(of('claimcheck_redis_errors_total', { reason: 'timeout' }) > 0)
    t.ok(of('claimcheck_refusals_total', { code: 'redis_unavailable' }) > 0)
    redis.resume()
    await until(async () => (await metrics()).of('claimcheck_tracking', { state: 'up' }) === 1)
  },
)

t.test('latency of Redis, and what it refuses or cannot be sent', async t => {
  const { redis, gateway, metrics } = await start(t, 'cache: off')
  const { cookie } = await login(gateway, 'alice')
  const before = await metrics()
  t.equal(before.of('claimcheck_tracking', { state: 'off' }), 1)
  for (let i = 0; i < 10; i++) await get(gateway, '/api/x', cookie)
  const asked = await metrics()
  const commands = 'claimcheck_redis_command_seconds_count'
  t.ok(asked.of(commands) - before.of(commands) >= 10)
  t.equal(asked.of('claimcheck_redis_errors_total'), 0)
  await redis.client.config('SET', 'maxmemory', '1')
  t.equal((await login(gateway, 'bob')).response.status, 503)
  t.ok((await metrics()).of('claimcheck_redis_errors_total', { reason: 'refused' }) > 0)
  await redis.client.config('SET', 'maxmemory', '0')
  await redis.stop()
  await until(async () => (await get(gateway, '/api/x', cookie)).status === 503)
  await get(gateway, '/api/x', cookie)
  const { of } = await metrics()
  t.equal(of('claimcheck_redis_up'), 0)
  t.ok(of('claimcheck_redis_errors_total', { reason: 'connection' }) > 0)
})

t.test('upstreams: what is open there, what failed, who is left alone', async t => {
  let release = () => {}
  const slow = await startUpstream(t, (_req, res) => {
    release = () => void res.end('at last')
  })
  const closed = `http://127.0.0.1:${await freePort()}`
  const { gateway, upstream, metrics } = await start(
    t,
    '',
    `  - { path: /slow, upstream: "${slow.url}", auth: none }
  - { path: /gone, upstream: "${closed}", auth: none }
  - { path: /hangs, upstream: hangs, auth: none }
upstreams: { hangs: { targets: ["${slow.url}"], headersTimeout: 100ms } }`,
  )
  const waiting = get(gateway, '/slow', '')
  await until(() => slow.requests.length === 1)
  const during = await metrics()
  t.equal(during.of('claimcheck_upstream_active', { upstream: slow.url, target: slow.url }), 1)
  release()
  t.equal((await waiting).status, 200)
  t.equal((await get(gateway, '/gone', '')).status, 502)
  t.equal((await get(gateway, '/hangs', '')).status, 504)
  await until(async () => (await metrics()).of('claimcheck_upstream_active') === 0)
  const { of } = await metrics()
  t.equal(of('claimcheck_upstream_up', { upstream: upstream.url }), 1)
  t.equal(of('claimcheck_upstream_up', { upstream: closed, target: closed }), 0)
  const failures = 'claimcheck_upstream_failures_total'
  t.equal(of(failures, { upstream: closed, code: 'upstream_failed' }), 1)
  t.equal(of(failures, { upstream: 'hangs', code: 'upstream_timeout' }), 1)
  t.equal(of('claimcheck_upstream_quarantined'), 0)
})

t.test('refreshes at a provider', async t => {
  const { provider, gateway, logIn } = await startOpenidGateway(t, { refreshBefore: '10m' })
  const refreshes = async (outcome: string) =>
    (await scrape(gateway)).of('claimcheck_refreshes_total', { outcome })
  await get(gateway, '/api/x', await logIn())
  await until(async () => (await refreshes('renewed')) === 1)
  const { of } = await scrape(gateway)
  t.equal(of('claimcheck_refresh_seconds_count', { outcome: 'renewed' }), 1)
  const second = await logIn()
  await provider.stop()
  await get(gateway, '/api/x', second)
  await until(async () => (await refreshes('failed')) === 1)
})

/** Every label that there is, and what its values may be. */
const bounded: Readonly<Record<string, RegExp>> = {
  route: /^(?:\/[\w/]*|\(none\))$/,
  status: /^[0-5]xx$/,
  code: /^[a-z]+(?:_[a-z]+)*$/,
  cause: /^(?:logout|replaced|user|admin|provider|limit|refresh)$/,
  outcome: /^(?:renewed|over|foreign|failed|done|refused)$/,
  provider: /^(?:api|oidc)$/,
  kind: /^(?:redirect|link|websocket|event_stream|minor|major|incremental|weakcb)$/,
  reason: /^(?:timeout|connection|refused|ended|expired|replaced|outage)$/,
  state: /^(?:up|down|unsupported|off)$/,
  upstream: /^http:\/\/127\.0\.0\.1:\d+$/,
  target: /^http:\/\/127\.0\.0\.1:\d+$/,
  le: /^(?:[\d.e-]+|\+Inf)$/,
  // Of the process itself.
  type: /^\w+$/,
  space: /^\w+$/,
  version: /^v[\d.]+$/,
  major: /^\d+$/,
  minor: /^\d+$/,
  patch: /^\d+$/,
}

t.test('labels are bounded, and hold nothing that a client said (LO-01)', async t => {
  const { gateway, metrics } = await start(t)
  const { cookie, ticket } = await login(gateway, 'alice-marked')
  await get(gateway, '/api/x', cookie)
  const names = async () => {
    const { samples } = await metrics()
    return new Set(samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`))
  }
  const traffic = async (word: string) => {
    await get(gateway, `/api/${word}?${word}=${word}`, cookie)
    await get(gateway, `/${word}`, cookie, { headers: { 'user-agent': word, [word]: word } })
    await get(gateway, '/api/x', cookie, { method: 'PUT', body: word })
    await get(gateway, '/api/x', '', { headers: { cookie: `__Host-Http-session=${word}` } })
    await get(gateway, `/auth/${word}`, cookie)
    await get(gateway, '/auth/sessions?except=x', cookie, { method: 'DELETE' })
  }
  await traffic('first-marked')
  await until(async () => (await metrics()).of('claimcheck_requests_total') === 8)
  // What comes of the process itself (kinds of handles that are open) comes and goes.
  const own = (all: Set<string>) => [...all].filter(name => !/_nodejs_|_process_/.test(name)).sort()
  const before = own(await names())
  for (let i = 0; i < 20; i++) await traffic(`other-marked-${i}`)
  t.strictSame(own(await names()), before, 'more of the same makes no further series')
  const { text, samples } = await metrics()
  for (const { name, labels } of samples) {
    t.match(name, /^claimcheck_/)
    for (const [label, value] of Object.entries(labels)) {
      const form = bounded[label]
      t.ok(form?.test(value), `${name}{${label}="${value}"}`)
    }
  }
  t.notMatch(text, /marked|Name of/)
  t.notOk(text.includes(ticket))
  t.ok(samples.length > 100)
})
