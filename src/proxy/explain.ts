import { type ErrorCode, problemOf } from '../errors.ts'
import { loosePath, type Matched } from './match.ts'
import type { ProxyPlan, RoutePlan } from './plan.ts'
import type { Target } from './target.ts'

export type Explained =
  | {
      readonly kind: 'route'
      readonly route: RoutePlan
      readonly why: string
      /** Where the request goes: one URL for each target of the upstream. */
      readonly urls: readonly string[]
    }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly why: string }

/** Says which route a request takes and why, or why none, from the plan that decides it. */
export const explainRoute = (plan: ProxyPlan, target: Target, method: string): Explained => {
  const matched = plan.match(target, method)
  if (matched.kind === 'route') {
    const { route } = matched
    return { kind: 'route', route, why: whyThis(plan, route, target), urls: urlsOf(route, target) }
  }
  return { kind: 'refused', code: matched.code, why: whyNot(plan, matched, target) }
}

/** `404 not_found`: as the wire has it. */
export const statusLine = (code: ErrorCode): string => `${problemOf(code).status} ${code}`

const isOrLiesBelow = (path: string, prefix: string): boolean =>
  path === prefix || path.startsWith(prefix === '/' ? '/' : `${prefix}/`)

/** The paths of routes that this one is or lies below, the longest first. */
const pathsAbove = (plan: ProxyPlan, path: string): string[] => {
  const above = plan.routes.filter(route =>
    route.exact ? path === route.path : isOrLiesBelow(path, route.path),
  )
  return [...new Set(above.map(route => route.path))].sort((a, b) => b.length - a.length)
}

const whyThis = (plan: ProxyPlan, route: RoutePlan, { path }: Target): string => {
  const [, ...shorter] = pathsAbove(plan, path)
  const reason = route.exact || path === route.path ? 'is exactly its path' : 'lies below its path'
  return shorter.length === 0
    ? `${path} ${reason}`
    : `${path} ${reason}, which is longer than ${shorter.join(' and ')}`
}

const urlsOf = (route: RoutePlan, { path, query }: Target): string[] =>
  route.upstream.targets.map(({ origin, socketPath }) => {
    const wanted = route.upstreamPath(path) + query
    return socketPath === undefined ? origin + wanted : `unix:${socketPath} ${wanted}`
  })

const whyNot = (
  plan: ProxyPlan,
  matched: Matched & { kind: 'refused' },
  target: Target,
): string => {
  const { path, lookalike } = target
  if (matched.code === 'method_not_allowed') {
    return `the routes of ${pathsAbove(plan, path)[0]} take ${matched.allow}; there is no way back to a shorter path`
  }
  if (matched.code === 'malformed_request') return `it has ${oddities(target).join(' and ')}`
  const [above] = pathsAbove(plan, path)
  const [taken] = plan.routes
    .filter(route => isOrLiesBelow(lookalike, loosePath(route.path)))
    .map(route => route.path)
    .sort((a, b) => b.length - a.length)
  if (taken !== undefined && isOrLiesBelow(path, taken) && taken !== above) {
    return `only ${taken} itself is a route, nothing below it; there is no way back to a shorter path`
  }
  if (taken === above) return `no route has a path that ${path} is or lies below`
  return `a lenient upstream could take it for ${lookalike}, which belongs to ${taken ?? 'no route'}`
}

/** What a route has to allow by name. */
const oddities = ({ encodedSlash, emptySegments, pathParameters }: Target): string[] => [
  ...(encodedSlash ? ['an encoded slash (allowEncodedSlash)'] : []),
  ...(emptySegments ? ['an empty segment (allowEmptySegments)'] : []),
  ...(pathParameters ? ['a path parameter (allowPathParameters)'] : []),
]
