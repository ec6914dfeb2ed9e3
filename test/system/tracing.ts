// W3C trace context through the gateway, and the spans that it adds where an OpenTelemetry provider is registered.
import t, { type Test } from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startOpenidGateway } from '../fixtures/openid-gateway.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { registerTracer } from '../fixtures/tracer.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`
const sent = { traceparent, tracestate: 'rojo=00f067aa0ba902b7, congo=t61rcWkgMzE' }

const start = async (t: Test) => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const upstream = await startUpstream(t, api.answer)
  const gateway = await startGateway(t, `redis: { url: ${redis.url} }\n${routesTo(upstream.url)}`)
  return { redis, upstream, gateway }
}

t.test('where nobody listens, trace context passes as it came', async t => {
  const { upstream, gateway } = await start(t)
  const { cookie } = await login(gateway, 'alice')
  await get(gateway, '/api/x', cookie, { headers: sent })
  t.match(upstream.requests.at(-1)?.headers, sent)
  await get(gateway, '/api/x', cookie)
  t.match(upstream.requests.at(-1)?.headers, { traceparent: undefined, tracestate: undefined })
})

t.test('with a tracer provider the upstream continues the gateway’s span', async t => {
  const spans = registerTracer(t)
  const { upstream, gateway } = await start(t)
  const { cookie, ticket } = await login(gateway, 'alice')
  await until(() => spans.length >= 3 && spans.every(({ ended }) => ended === 1))
  spans.length = 0

  const response = await get(gateway, '/api/x?token=query', cookie, { headers: sent })
  await response.text()
  await until(() => spans.length === 3 && spans.every(({ ended }) => ended === 1))
  const [server, guard, call] = spans
  t.match(server, { name: 'GET /api', kind: 1, traceId, parent: { spanId: 'b7ad6b7169203331' } })
  t.match(server?.attributes, {
    'url.path': '/api/x',
    'http.route': '/api',
    'http.response.status_code': 200,
  })
  t.match(guard, { name: 'guard', traceId, parent: { spanId: server?.spanId } })
  t.match(call, { kind: 2, traceId, parent: { spanId: server?.spanId } })
  const got = upstream.requests.at(-1)
  t.match(got?.headers, {
    traceparent: `00-${traceId}-${call?.spanId}-01`,
    tracestate: 'test=here,rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
  })
  t.equal(got?.rawHeaders.filter(name => name.toLowerCase() === 'traceparent').length, 1)

  spans.length = 0
  await get(gateway, '/api/x', '', { headers: { ...sent, traceparent: `${traceparent}-x` } })
  await until(() => spans.length === 2 && spans.every(({ ended }) => ended === 1))
  t.match(spans, [{ parent: undefined }, { attributes: { 'claimcheck.refused': 'no_session' } }])
  t.not(spans[0]?.traceId, traceId, 'a malformed parent is none')

  const told = JSON.stringify(spans) + JSON.stringify([server, guard, call])
  t.notMatch(told, /eyJ|alice|query/)
  t.notOk(told.includes(ticket), 'no ticket in a span (LO-01)')
})

t.test('an upstream that fails ends its span', async t => {
  const spans = registerTracer(t)
  const redis = await startRedis(t)
  const closed = `http://127.0.0.1:${await freePort()}`
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }\nroutes: [{ path: /, upstream: "${closed}", auth: none }]`,
  )
  t.equal((await get(gateway, '/x', '')).status, 502)
  await until(() => spans.length === 3 && spans.every(({ ended }) => ended === 1))
  t.match(spans[0], { status: 2, attributes: { 'claimcheck.refused': 'upstream_failed' } })
})

t.test('who waits for a refresh has a span for it', async t => {
  const spans = registerTracer(t)
  // Over before it can be sent once.
  const { provider, gateway, logIn } = await startOpenidGateway(t, { accessTokenLife: 1 })
  const cookie = await logIn()
  provider.state.accessTokenLife = 300
  spans.length = 0
  t.equal((await get(gateway, '/api/x', cookie)).status, 200)
  await until(() => spans.length === 4 && spans.every(({ ended }) => ended === 1))
  t.match(spans, [{ name: 'GET /api' }, { name: 'refresh' }, { name: 'guard' }, { kind: 2 }])
  t.match(spans[1]?.parent, { spanId: spans[0]?.spanId })
})
