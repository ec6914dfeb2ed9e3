import t from 'tap'
import type { ErrorCode } from '../../src/errors.ts'
import type { Context } from '../../src/http/context.ts'
import { createForwarder, type ForwarderParts } from '../../src/http/forwarder.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { RoutePlan } from '../../src/proxy/plan.ts'
import type { UpstreamRequest } from '../../src/proxy/upstream-request.ts'
import type { Session } from '../../src/session/store.ts'

interface Asked {
  headers?: Record<string, string>
  route?: Partial<RoutePlan>
  session?: object
  open?: number
  refused?: ErrorCode
  upstreams?: ReadonlyMap<string, unknown>
  destroyed?: boolean
}

/** Forwards one request, and tells what went upstream or why nothing did. */
const forward = (asked: Asked = {}) => {
  const told: string[] = []
  const sent: UpstreamRequest[] = []
  let bearer: string | undefined
  const place = {
    ...{ authority: 'api', reached: () => undefined, moved: () => false, renew: () => undefined },
    dispatch: (options: UpstreamRequest) => void sent.push(options),
    release: () => void told.push('release'),
  }
  const parts = {
    upstreams: asked.upstreams ?? new Map([['api', { take: () => place }]]),
    requestHeaders: (
      _req: unknown,
      _route: unknown,
      host: string,
      identity: { bearer?: string },
    ) => {
      bearer = identity.bearer
      return asked.refused ?? ['host', host]
    },
    responseHeaders: () => [],
    deadlines: { add: () => undefined, remove: () => undefined },
    cache: { touch: () => void told.push('touch') },
    streams: { open: () => asked.open ?? 0, add: () => undefined, remove: () => undefined },
    answers: {
      failed: (_context: Context, error: { code?: string }) => void told.push(`${error.code}`),
    },
    metrics: createMetrics(),
  } as unknown as ForwarderParts
  const route = {
    ...{ upstream: { name: 'api', connectTimeout: 1, headersTimeout: 1 }, maxBody: 0, slide: true },
    ...{ token: 'access_token', claimHeaders: [], upstreamPath: (path: string) => `/up${path}` },
    ...asked.route,
  } as unknown as RoutePlan
  const req = { headers: asked.headers ?? {}, httpVersionMinor: 1 }
  const res = { destroyed: asked.destroyed ?? false }
  const context = { req, res, method: 'GET', path: '/x', query: '?y' } as unknown as Context
  createForwarder(parts).forward(context, route, asked.session as Session | undefined)
  return { told, sent, bearer, context }
}
const session = { bearers: { access_token: 'Bearer a', id_token: undefined }, claims: {} }

t.test(
  'a request goes to its upstream with the bearer of its route, and slides its session',
  async t => {
    const { told, sent, bearer, context } = forward({ session })
    t.match(sent, [{ method: 'GET', path: '/up/x?y', headers: ['host', 'api'], body: null }])
    t.equal(bearer, 'Bearer a')
    t.strictSame(told, ['touch'])
    t.ok(context.proxied)
    t.equal(forward({ session, route: { token: 'none' } }).bearer, undefined)
    t.strictSame(forward({ session, route: { slide: false } }).told, [])
    t.strictSame(forward().told, [])
  },
)

t.test('what may not be sent is not, and holds no place (RL-02)', async t => {
  const none = (asked: Asked, told: string[]) => {
    const made = forward(asked)
    t.strictSame(made.sent, [])
    t.strictSame(made.told, told)
  }
  none({ headers: { 'content-length': '11' }, route: { maxBody: 10 } }, ['body_too_large'])
  none({ session, route: { token: 'id_token' } }, ['touch', 'not_allowed'])
  none({ session, open: 256 }, ['touch', 'too_many_requests'])
  none({ refused: 'loop_detected' }, ['release', 'loop_detected'])
  none({ upstreams: new Map() }, ['internal'])
  none({ session, destroyed: true }, [])
  t.equal(forward({ headers: { 'content-length': '0' }, route: { maxBody: 10 } }).sent.length, 1)
})
