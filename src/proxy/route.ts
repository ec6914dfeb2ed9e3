import type { CaptureConfig, Config, RouteConfig } from '../config/schema.ts'
import { type ClaimRule, claimRule, type Requirements } from './access.ts'
import { type Claims, claimReader } from './claims.ts'
import type { CrossSiteRules } from './cross-site.ts'
import { createRewrite, type Rewrite } from './rewrite.ts'
import type { UpstreamPlan } from './upstream-plan.ts'

/** A route of the config with everything that a request needs worked out. */
export interface RoutePlan extends Rewrite {
  /** Its place in `routes`. */
  readonly index: number
  /** For logs, metrics and people; no two routes have the same. */
  readonly label: string
  readonly path: string
  /** Paths below do not belong to it. */
  readonly exact: boolean
  readonly methods: ReadonlySet<string>
  /** The value of `Allow`. */
  readonly allow: string
  readonly upstream: UpstreamPlan
  readonly rewrite: string | undefined
  readonly auth: RouteConfig['auth']
  readonly pages: boolean
  readonly require: Requirements | undefined
  readonly token: RouteConfig['token']
  readonly claimHeaders: readonly ClaimHeader[]
  readonly cookies: ReadonlySet<string> | '*'
  readonly corsOrigins: ReadonlySet<string>
  /** The cross-site check applies: the route uses or makes the browser's session. */
  readonly guarded: boolean
  readonly crossSite: CrossSiteRules
  readonly slide: boolean
  readonly websocket: boolean
  /** Bytes; 0 = no limit. */
  readonly maxBody: number
  readonly allowClientAuthorization: boolean
  readonly allowEncodedSlash: boolean
  readonly allowEmptySegments: boolean
  readonly allowPathParameters: boolean
  /** What the upstream marks public stays public. */
  readonly allowSharedCache: boolean
  readonly capture: CaptureConfig | undefined
}

export interface ClaimHeader {
  readonly header: string
  readonly read: (claims: Claims) => unknown
}

/** Works out one route. `upstream` is the one it names. */
export const routePlan = (
  config: Config,
  route: RouteConfig,
  index: number,
  upstream: UpstreamPlan,
): RoutePlan => {
  const { capture } = route
  const methods = [...new Set(route.methods)].sort()
  const alone = config.routes.every(other => other === route || other.path !== route.path)
  const corsOrigins = new Set(route.cors.origins)
  const origins = new Set(upstream.targets.map(target => target.origin))
  return {
    index,
    label: alone ? route.path : `${methods.join('|')} ${route.path}`,
    path: route.path,
    exact: capture !== undefined,
    methods: new Set(methods),
    allow: methods.join(', '),
    upstream,
    rewrite: route.rewrite,
    auth: route.auth,
    pages: route.pages,
    require: route.require && requirements(route.require),
    token: route.token,
    claimHeaders: Object.entries(route.claimHeaders).map(([header, claim]) => ({
      header,
      read: claimReader(claim),
    })),
    cookies: route.cookies.includes('*') ? '*' : new Set(route.cookies),
    corsOrigins,
    guarded: route.auth !== 'none' || capture !== undefined,
    crossSite: {
      publicOrigin: config.publicUrl,
      corsOrigins,
      pages: route.pages,
      capture: capture !== undefined,
    },
    slide: route.slide,
    websocket: route.websocket,
    maxBody: route.maxBody,
    allowClientAuthorization: route.allowClientAuthorization,
    allowEncodedSlash: route.allowEncodedSlash,
    allowEmptySegments: route.allowEmptySegments,
    allowPathParameters: route.allowPathParameters,
    allowSharedCache: route.allowSharedCache,
    capture,
    ...createRewrite(route.path, route.rewrite, origins, config.publicUrl),
  }
}

const requirements = (require: NonNullable<RouteConfig['require']>): Requirements => ({
  scopes: require.scopes,
  claims: Object.entries(require.claims).map(
    ([name, values]): ClaimRule => claimRule(name, values),
  ),
  acr: require.acr,
  maxAge: require.maxAge,
})
