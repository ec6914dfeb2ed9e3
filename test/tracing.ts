import t from 'tap'
import { createTracing } from '../src/tracing.ts'
import { registerTracer } from './fixtures/tracer.ts'

const over = { route: '/api', path: '/api/7', status: 200, refused: undefined }

t.test('where nobody listens there is nothing', t => {
  t.equal(createTracing(), undefined)
  t.end()
})

t.test('a request that goes upstream: guard, then upstream, below its own span', t => {
  const spans = registerTracer(t)
  const startedAt = performance.now() - 5
  const trace = createTracing()?.begin({}, 'GET', startedAt)
  const headers = ['host', 'api']
  trace?.sent(headers, 'orders')
  const [server, guard, upstream] = spans
  t.match(server, { kind: 1, parent: undefined, ended: 0 })
  t.equal(server?.startTime, performance.timeOrigin + startedAt, 'it began when the request came')
  t.match(guard, { name: 'guard', kind: 0, startTime: server?.startTime, ended: 1 })
  t.match(upstream, {
    name: 'GET',
    kind: 2,
    ended: 0,
    attributes: { 'claimcheck.upstream': 'orders' },
  })
  for (const child of [guard, upstream]) t.match(child?.parent, { spanId: server?.spanId })
  t.strictSame(headers.slice(2), ['traceparent', `00-${server?.traceId}-${upstream?.spanId}-01`])
  trace?.received()
  trace?.received()
  t.equal(upstream?.ended, 1)
  trace?.end(over)
  t.match(server, { name: 'GET /api', ended: 1, status: 0 })
  t.strictSame(server?.attributes, {
    'http.request.method': 'GET',
    'url.path': '/api/7',
    'http.route': '/api',
    'http.response.status_code': 200,
  })
  t.equal(spans.length, 3)
  t.end()
})

t.test('a refusal is the guard’s; what the gateway cannot do is an error', t => {
  const spans = registerTracer(t)
  const end = (status: number, refused: string | undefined, route?: string) => {
    createTracing()
      ?.begin({}, 'GET', 0)
      .end({ ...over, route, status, refused })
    return spans.splice(0)
  }
  const [server, guard, ...more] = end(401, 'no_session', '/api')
  t.match(guard, { name: 'guard', attributes: { 'claimcheck.refused': 'no_session' }, ended: 1 })
  t.match(server, { status: 0, attributes: { 'claimcheck.refused': 'no_session' } })
  t.strictSame(more, [])
  t.match(end(503, 'redis_unavailable'), [{ name: 'GET', status: 2 }, { name: 'guard' }])
  t.match(end(0, undefined), [{ attributes: { 'http.response.status_code': undefined } }])
  t.end()
})

t.test('a refresh ends with what the request waits for, whatever becomes of it', async t => {
  const spans = registerTracer(t)
  for (const work of [Promise.resolve(1), Promise.reject(new Error('no'))]) {
    const trace = createTracing()?.begin({}, 'GET', 0)
    trace?.refreshing(work)
    const refresh = spans.at(-1)
    t.match(refresh, { name: 'refresh', kind: 0, ended: 0 })
    await work.catch(() => undefined)
    t.equal(refresh?.ended, 1)
  }
})

t.test('an upstream span that nobody ended ends with the request', t => {
  const spans = registerTracer(t)
  const trace = createTracing()?.begin({}, 'GET', 0)
  trace?.sent([], 'api')
  trace?.end({ ...over, status: 502, refused: 'upstream_failed' })
  t.match(spans, [{ ended: 1, status: 2 }, { name: 'guard', attributes: {} }, { ended: 1 }])
  t.equal(spans.length, 3)
  t.end()
})
