import { isOwnHeader } from '../config/names.ts'
import { type Problem, pointer } from '../config/problem.ts'
import type { Config, RouteConfig } from '../config/schema.ts'
import { foldCookies, setsOwnCookie } from './cookies.ts'
import { foldName, hopByHop, isSpoofable } from './headers.ts'
import { readTarget } from './target.ts'
import { isUrl, wrongWithTarget } from './upstream-plan.ts'

/** Adds a problem at a key of the route. */
type Report = (keys: readonly (string | number)[], message: string) => void

/** What is wrong with one route by itself. */
export const routeProblems = (config: Config, route: RouteConfig, index: number): Problem[] => {
  const problems: Problem[] = []
  const report: Report = (keys, message) =>
    problems.push({ path: pointer('routes', index, ...keys), message })
  checkPath(config, route, report)
  checkUpstream(config, route, report)
  if (route.capture !== undefined) checkCapture(route, report)
  if (route.auth !== 'session') checkOpen(route, report)
  if (route.allowSharedCache) checkSharedCache(route, report)
  if (route.websocket && !route.methods.includes('GET')) {
    report(['websocket'], 'needs the method GET, with which every WebSocket begins')
  }
  checkClaimHeaders(route, report)
  checkStepUp(config, route, report)
  checkCookies(config, route, report)
  return problems
}

const checkPath = (config: Config, route: RouteConfig, report: Report): void => {
  const target = readTarget(route.path, config.publicUrl)
  if (target.kind === 'refused') report(['path'], `can never be asked for: ${target.reason}`)
  else if (/%(?:2[35]|3[BF])/i.test(route.path))
    report(
      ['path'],
      'must not hold escapes of # % ; or ?, which some readers decode before they route',
    )
  if (route.allowEmptySegments && route.rewrite === '/') {
    report(
      ['allowEmptySegments'],
      'cannot go with rewrite "/": the upstream would see targets that begin with //, which name a host',
    )
  }
}

const checkUpstream = (config: Config, route: RouteConfig, report: Report): void => {
  if (isUrl(route.upstream)) {
    const wrong = wrongWithTarget(route.upstream, config)
    if (wrong !== undefined) report(['upstream'], wrong)
  } else if (!Object.hasOwn(config.upstreams, route.upstream)) {
    report(['upstream'], 'must be a URL, or the name of an entry of upstreams')
  }
}

const checkCapture = (route: RouteConfig, report: Report): void => {
  const unsafe = ['POST', 'PUT', 'PATCH', 'DELETE']
  if (!route.methods.every(method => unsafe.includes(method))) {
    report(
      ['methods'],
      'must be unsafe methods only on a capture route, such as [POST]: a login changes something',
    )
  }
  if (route.auth !== 'none')
    report(['auth'], 'must be none on a capture route: nobody is logged in yet')
  if (route.websocket) report(['websocket'], 'cannot go with capture')
}

const checkStepUp = (config: Config, { require }: RouteConfig, report: Report): void => {
  if (config.oidc !== undefined || require === undefined) return
  const message = 'needs oidc: only a provider can be asked for another login'
  if (require.acr.length > 0) report(['require', 'acr'], message)
  if (require.maxAge !== undefined) report(['require', 'maxAge'], message)
}

const checkOpen = (route: RouteConfig, report: Report): void => {
  if (route.require !== undefined) {
    report(['require'], 'needs auth: session, else whoever is not logged in passes')
  }
  if (route.auth === 'optional') return
  if (route.pages)
    report(['pages'], 'needs auth: session or optional: without, any site may link here')
  if (Object.keys(route.claimHeaders).length > 0) {
    report(['claimHeaders'], 'needs auth: session or optional: without, there are no claims')
  }
}

/** A cache knows neither who asks nor what they may. */
const checkSharedCache = (route: RouteConfig, report: Report): void => {
  const at = ['allowSharedCache']
  if (route.auth === 'none')
    report(at, 'means nothing with auth: none: there Cache-Control passes as the upstream sends it')
  if (Object.keys(route.claimHeaders).length > 0)
    report(at, 'cannot go with claimHeaders: the answer is made for one person')
  if (route.require !== undefined)
    report(at, 'cannot go with require: a cache does not ask what a session may')
}

const checkClaimHeaders = (route: RouteConfig, report: Report): void => {
  const seen = new Set<string>()
  for (const header of Object.keys(route.claimHeaders)) {
    const folded = foldName(header)
    if (isOwnHeader(folded) || hopByHop.has(folded) || isSpoofable(folded)) {
      report(['claimHeaders', header], 'is a header that the gateway itself sets or removes')
    } else if (seen.has(folded)) report(['claimHeaders', header], 'is there twice')
    seen.add(folded)
  }
}

const checkCookies = (config: Config, route: RouteConfig, report: Report): void => {
  const own = foldCookies([config.session.cookie.name, '__Host-Http-login'])
  route.cookies.forEach((name, at) => {
    if (setsOwnCookie(name, own))
      report(['cookies', at], 'is a cookie of the gateway, which no upstream may see')
  })
}
