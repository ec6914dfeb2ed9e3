import type { Config, RouteConfig } from '../config/schema.ts'

/** A key of a route and what it means for a request, in words. */
export type Rule = readonly [key: string, meaning: string]

const list = (texts: readonly unknown[]): string => texts.join(', ')

/** What happens to a request of a route, in the order in which it happens; `oidc`: there is a login to send people to. */
export const rulesOf = (route: RouteConfig, { oidc, loginPage }: Config): Rule[] => {
  const rules: Rule[] = []
  const say = (key: string, meaning: string | undefined) => {
    if (meaning !== undefined) rules.push([key, meaning])
  }
  const uses = route.auth !== 'none'
  const { capture } = route
  say('cross-site', uses || capture !== undefined ? crossSite(route) : undefined)
  say('auth', auth(route, oidc === undefined ? loginPage : 'the provider'))
  say('require', route.require && requirements(route.require))
  say('token', uses ? token(route) : undefined)
  for (const [header, claim] of Object.entries(route.claimHeaders)) {
    say('claimHeaders', `${header} carries the claim ${claim}`)
  }
  say('cookies', cookies(route.cookies))
  say('slide', uses && !route.slide ? 'does not keep the session alive' : undefined)
  say('websocket', route.websocket ? 'may become a WebSocket' : undefined)
  say(
    'allowSharedCache',
    route.allowSharedCache ? 'what the upstream marks public may be kept by any cache' : undefined,
  )
  say('maxBody', route.maxBody > 0 ? `at most ${route.maxBody} bytes, else 413` : undefined)
  if (capture !== undefined) {
    say(
      'capture',
      `a 2xx answer makes a session of the provider ${capture.name}; the token at ${capture.token} is cut out`,
    )
  }
  return rules
}

const crossSite = ({ pages, cors, capture }: RouteConfig): string => {
  const also = [
    ...(cors.origins.length > 0 ? [`${list(cors.origins)} may call it`] : []),
    ...(pages ? ['other sites may link to it'] : []),
    ...(capture === undefined ? [] : ['what is no browser may call it']),
  ]
  return `only this site, else 403${also.map(text => `; ${text}`).join('')}`
}

const auth = ({ auth: wanted, pages }: RouteConfig, login: string | undefined): string => {
  if (wanted === 'none') return 'none: the session is not even looked at'
  if (wanted === 'optional') return 'optional: forwarded with or without a session'
  return pages && login !== undefined
    ? `session: without one, navigations are sent to ${login} and everything else gets 401`
    : 'session: 401 without one'
}

const requirements = ({ scopes, claims, acr, maxAge }: NonNullable<RouteConfig['require']>) =>
  [
    ...(scopes.length > 0 ? [`the scopes ${list(scopes)}`] : []),
    ...Object.entries(claims).map(([name, values]) => `${name} is ${values.join(' or ')}`),
    ...(acr.length > 0 ? [`a login of the class ${acr.join(' or ')}`] : []),
    ...(maxAge === undefined ? [] : [`a login at most ${maxAge / 1000} s ago`]),
  ].join('; ')

const token = ({ token: kind, allowClientAuthorization }: RouteConfig): string => {
  const ours = kind === 'none' ? 'no token is sent' : `sent as Authorization: Bearer <${kind}>`
  return allowClientAuthorization
    ? `${ours}; without our cookie, the client's own Authorization passes`
    : ours
}

const cookies = (names: readonly string[]): string => {
  if (names.includes('*')) return 'all but our own reach the upstream'
  return names.length === 0 ? 'none reach the upstream' : `${list(names)} reach the upstream`
}
