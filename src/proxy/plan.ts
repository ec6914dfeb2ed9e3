import { type Problem, pointer } from '../config/problem.ts'
import type { Config } from '../config/schema.ts'
import { conflicts } from './conflicts.ts'
import { createMatch, type Matched } from './match.ts'
import { type RoutePlan, routePlan } from './route.ts'
import { routeProblems } from './route-problems.ts'
import { readTarget, type Target } from './target.ts'
import { type UpstreamPlan, upstreamPlans, wrongWithTarget } from './upstream-plan.ts'
import { wrongWithTls } from './upstream-tls.ts'

export type { Matched } from './match.ts'
export type { RoutePlan } from './route.ts'
export type { TargetPlan, UpstreamPlan } from './upstream-plan.ts'

export interface ProxyPlan {
  readonly routes: readonly RoutePlan[]
  /** By name, or by the URL that stands for one. */
  readonly upstreams: ReadonlyMap<string, UpstreamPlan>
  /** Finds the route of a request. */
  match(target: Target, method: string): Matched
}

/**
 * Works out the routes of a config. The plan is only good to run where there are no problems; a route
 * whose upstream does not exist is left out of it.
 */
export const compile = (config: Config): { plan: ProxyPlan; problems: Problem[] } => {
  const upstreams = upstreamPlans(config)
  const routes = config.routes.flatMap((route, index) => {
    const upstream = upstreams.get(route.upstream)
    return upstream === undefined ? [] : [routePlan(config, route, index, upstream)]
  })
  const plan = { routes, upstreams, match: createMatch(routes, config.authPath) }
  return {
    plan,
    problems: [
      ...upstreamProblems(config),
      ...tlsProblems(upstreams),
      ...config.routes.flatMap((route, index) => routeProblems(config, route, index)),
      ...conflicts(config),
      ...loginPageProblems(config, plan),
    ],
  }
}

const upstreamProblems = (config: Config): Problem[] =>
  Object.entries(config.upstreams).flatMap(([name, { targets }]) =>
    targets.flatMap((target, index) => {
      const message = wrongWithTarget(target, config)
      return message === undefined
        ? []
        : [{ path: pointer('upstreams', name, 'targets', index), message }]
    }),
  )

/** That its files can be read has been seen to before. */
const tlsProblems = (upstreams: ReadonlyMap<string, UpstreamPlan>): Problem[] =>
  [...upstreams].flatMap(([name, plan]) => {
    const message = plan.tls === undefined ? undefined : wrongWithTls(plan)
    return message === undefined ? [] : [{ path: pointer('upstreams', name, 'tls'), message }]
  })

/** Who is sent to log in must be able to see the page. */
const loginPageProblems = ({ loginPage, publicUrl }: Config, plan: ProxyPlan): Problem[] => {
  if (loginPage === undefined) return []
  const target = readTarget(loginPage, publicUrl)
  const found = target.kind === 'target' ? plan.match(target, 'GET') : target
  if (found.kind === 'route' && found.route.auth !== 'session') return []
  const message =
    found.kind === 'route'
      ? 'lies on a route with auth: session, which would send people here again and again'
      : 'must be served by a route'
  return [{ path: pointer('loginPage'), message }]
}
