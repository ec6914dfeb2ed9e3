import { createHash } from 'node:crypto'
import type { Audit } from '../audit.ts'
import type { Config } from '../config/schema.ts'
import { createAnswers } from '../http/answer.ts'
import { createCapturedLogin } from '../http/captured-login.ts'
import { endpointTable, registerEndpoints } from '../http/endpoints.ts'
import type { EventStreams } from '../http/event-streams.ts'
import { createForwarder } from '../http/forwarder.ts'
import { loginEndpointTable, registerLoginEndpoints } from '../http/login-endpoints.ts'
import { createOwnEndpoints } from '../http/own-endpoints.ts'
import { createPipeline } from '../http/pipeline.ts'
import { createOpen } from '../http/request-log.ts'
import { createEndpointsApp, type Entry } from '../http/server.ts'
import { createLoginCookie, createTicketCookie } from '../http/ticket-cookie.ts'
import { createUnknownForwarder } from '../http/unknown-forwarder.ts'
import type { Tunnels } from '../http/upgrades.ts'
import type { Log } from '../log.ts'
import type { CapturePlan } from '../login/capture-plan.ts'
import type { OidcPlan } from '../login/oidc-plan.ts'
import type { Metrics } from '../metrics.ts'
import { createForwarding } from '../proxy/client-address.ts'
import { foldCookies } from '../proxy/cookies.ts'
import { createDeadlines } from '../proxy/deadlines.ts'
import { foldName } from '../proxy/headers.ts'
import type { ProxyPlan } from '../proxy/plan.ts'
import { createRequestHeaders } from '../proxy/request-headers.ts'
import { createResponseHeaders } from '../proxy/response-headers.ts'
import { createUpstream } from '../proxy/upstream.ts'
import type { Sessions } from '../session/sessions.ts'
import { createTracing } from '../tracing.ts'
import { type KeptLogin, keepLogin } from './kept-login.ts'
import { createUnderWay } from './under-way.ts'

/** A config without problems, and what its parts made of it. */
export interface Compiled {
  readonly config: Config
  readonly plan: ProxyPlan
  /** By the index of their route. */
  readonly captures: ReadonlyMap<number, CapturePlan>
  /** Undefined where all logins are captured ones. */
  readonly oidc: OidcPlan | undefined
}

/** What lives on while one config follows another. */
export interface Lasting {
  readonly sessions: Sessions
  readonly tunnels: Tunnels
  readonly eventStreams: EventStreams
  readonly log: Log
  readonly audit: Audit
  readonly metrics: Metrics
}

export type Serving = Awaited<ReturnType<typeof createServing>>

/** How late a time-out may come, in ms: a quarter of the shortest, half a second at the most. */
const coarseness = (plan: ProxyPlan): number =>
  Math.min(
    500,
    ...[...plan.upstreams.values()].map(
      ({ headersTimeout, idleTimeout }) => Math.min(headersTimeout, idleTimeout) / 4,
    ),
  )

/** The connections of all upstreams. Throws where a file of theirs cannot be read any more. */
const openUpstreams = ({ upstreams }: ProxyPlan) =>
  new Map([...upstreams].map(([key, upstream]) => [key, createUpstream(upstream)]))

/** The claims that the sessions of a provider may show to their page. */
const visibleClaims = ({ config, oidc }: Compiled) => {
  const visible = new Map<string, readonly string[]>(
    config.routes.flatMap(({ capture }) =>
      capture === undefined ? [] : [[capture.name, capture.claims] as const],
    ),
  )
  if (oidc !== undefined) visible.set('oidc', oidc.claims)
  return (provider: string) => visible.get(provider) ?? []
}

/**
 * Everything that one config makes of the gateway, ready to answer. It never changes: a reload makes
 * another.
 */
export const createServing = async (compiled: Compiled, lasting: Lasting, before?: KeptLogin) => {
  const { config, plan, captures } = compiled
  const { sessions, log, audit, metrics } = lasting
  const { store, cache, streams, limits } = sessions
  const { authPath } = config
  const publicUrl = new URL(config.publicUrl)
  const https = publicUrl.protocol === 'https:'
  const upstreams = openUpstreams(plan)
  const deadlines = createDeadlines(coarseness(plan))
  const underWay = createUnderWay()
  const unknown = createUnknownForwarder(log)

  const pages = plan.routes.some(route => route.pages)
  const { name, sameSite } = config.session.cookie
  const cookie = createTicketCookie(
    name,
    sameSite === 'auto' ? (pages ? 'lax' : 'strict') : sameSite,
  )
  const loginCookie = createLoginCookie()
  const ownCookies = foldCookies([name, loginCookie.name])

  const kept = keepLogin(compiled, lasting, before)
  const { login } = kept
  const loginPath = login.oidc === undefined ? config.loginPage : `${authPath}/login`
  const answers = createAnswers({ https, loginPath, log, audit, metrics })

  // The same for all gateways of one public URL, so that a loop through several of them is one.
  const pseudonym = `claimcheck-${createHash('sha256').update(config.publicUrl).digest('hex').slice(0, 8)}`
  const claimHeaders = new Set(
    plan.routes.flatMap(route => route.claimHeaders.map(({ header }) => foldName(header))),
  )
  const forwarder = createForwarder({
    ...{ upstreams, deadlines, cache, streams, answers, metrics },
    ...{ tunnels: lasting.tunnels, eventStreams: lasting.eventStreams },
    requestHeaders: createRequestHeaders({ publicUrl, pseudonym, claimHeaders, ownCookies }),
    responseHeaders: createResponseHeaders({ publicUrl, ownCookies }),
  })
  const endpoints = [...endpointTable, ...(login.oidc === undefined ? [] : loginEndpointTable)]
  const pipeline = createPipeline({
    ...{ publicOrigin: publicUrl.origin, plan, cookieName: name, cache, forwarder, answers, log },
    own: createOwnEndpoints(authPath, publicUrl.origin, endpoints, answers),
    login: createCapturedLogin({
      forwarder,
      captures,
      store,
      limits,
      streams,
      cookie,
      answers,
      audit,
      metrics,
    }),
    refreshIfDue: login.refreshIfDue,
    open: createOpen({
      ...{ log, metrics, underWay },
      tracing: createTracing(),
      forwarding: createForwarding(config.trustedProxies, publicUrl, unknown.heard),
      counts: plan.routes.map(route => metrics.route(route.label)),
      otherCount: metrics.route('(none)'),
    }),
  })

  const app = createEndpointsApp()
  registerEndpoints(app, {
    ...{ https, authPath, cookie, cache, store, answers, audit, metrics, log },
    ...{ loginCookie, startLogout: login.startLogout },
    afterLogout: config.loginPage ?? '/',
    visibleClaims: visibleClaims(compiled),
  })
  if (login.oidc !== undefined) {
    const { oidc, finishLogout } = login
    registerLoginEndpoints(app, {
      ...{ https, authPath, cookie, loginCookie, store, limits, streams },
      ...{ oidc, finishLogout, audit, metrics, log },
    })
  }
  await app.ready()
  const unwatch = metrics.watchUpstreams(() => [...upstreams.values()].flatMap(one => one.status()))

  const entry: Entry = {
    handle: (req, res) => pipeline.handle(req, res, app.routing),
    upgrade: (req, socket, head) => pipeline.upgrade(req, socket, head, app.routing),
  }
  return {
    ...entry,
    config,
    kept,
    /** Resolves when nothing that it let through is under way any more. */
    idle: underWay.idle,
    /** What an operator should know, though it works. */
    notes: unknown.notes,
    /** Gives up what it holds; what is still under way is cut. */
    close: async (): Promise<void> => {
      unwatch()
      deadlines.close()
      for (const upstream of upstreams.values()) upstream.destroy()
      await app.close()
    },
  }
}
