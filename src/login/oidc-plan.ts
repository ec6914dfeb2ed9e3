import { isLoopback } from '../config/addresses.ts'
import { type Problem, pointer } from '../config/problem.ts'
import type { OidcConfig } from '../config/schema-oidc.ts'
import { type ClientKey, readClientKey } from './client-key.ts'

/** What the login needs to know; all texts are exactly as they are sent or compared. */
export interface OidcPlan {
  readonly issuer: string
  readonly clientId: string
  readonly authentication: ClientAuthentication
  readonly scope: string
  /** Sent to the authorization endpoint beside what the protocol demands. */
  readonly authorizationParams: Readonly<Record<string, string>>
  /** Sent to the token endpoint: a resource that was named when the login began (RFC 8707 section 2.2). */
  readonly tokenParams: Readonly<Record<string, string>>
  /** The authentication context classes that some route demands: no others are asked for on a browser's word. */
  readonly acrs: ReadonlySet<string>
  /** Milliseconds, as is `timeout`. */
  readonly refreshBefore: number
  readonly timeout: number
  /** What `/auth/session` may show. */
  readonly claims: readonly string[]
  readonly publicUrl: string
  readonly redirectUri: string
  readonly postLogoutRedirectUri: string
}

export type ClientAuthentication =
  | {
      readonly kind: 'secret'
      readonly secret: string
      /** Undefined: whatever the provider says it takes. */
      readonly method: 'basic' | 'post' | undefined
    }
  | { readonly kind: 'key'; readonly key: ClientKey }

interface Compilable {
  readonly publicUrl: string
  readonly authPath: string
  readonly oidc?: OidcConfig
  readonly routes?: readonly { readonly require?: { readonly acr: readonly string[] } }[]
}

/** The plan of the OpenID login, undefined where there is none or it has problems. Reads the key's file. */
export const compile = (
  config: Compilable,
): { plan: OidcPlan | undefined; problems: Problem[] } => {
  const { oidc, publicUrl, authPath, routes = [] } = config
  if (oidc === undefined) return { plan: undefined, problems: [] }
  const problems: Problem[] = []
  const report = (keys: readonly string[], message: string | undefined) => {
    if (message !== undefined) problems.push({ path: pointer('oidc', ...keys), message })
  }

  report(['issuer'], wrongWithIssuer(oidc.issuer))
  report(['scopes'], wrongWithScopes(oidc.scopes))
  for (const name of Object.keys(oidc.authorizationParams)) {
    if (ours.has(name)) report(['authorizationParams', name], 'is set by the gateway itself')
  }
  const authentication = readAuthentication(oidc, report)
  if (problems.length > 0 || authentication === undefined) return { plan: undefined, problems }

  const { issuer, clientId, authorizationParams, refreshBefore, timeout, claims } = oidc
  const { resource } = authorizationParams
  const plan: OidcPlan = {
    ...{ issuer, clientId, authentication, authorizationParams, refreshBefore, timeout, claims },
    tokenParams: resource === undefined ? {} : { resource },
    scope: oidc.scopes.join(' '),
    acrs: new Set(routes.flatMap(({ require }) => require?.acr ?? [])),
    publicUrl,
    redirectUri: `${publicUrl}${authPath}/callback`,
    postLogoutRedirectUri: `${publicUrl}${authPath}/logout/callback`,
  }
  return { plan, problems }
}

/** OAuth says that a doubled parameter is an error (RFC 6749 section 3.1), and these make the login safe. */
const ours = new Set([
  ...['client_id', 'client_secret', 'redirect_uri', 'response_type', 'response_mode', 'scope'],
  ...['state', 'nonce', 'code_challenge', 'code_challenge_method', 'request', 'request_uri'],
  ...['id_token_hint', 'registration', 'dpop_jkt'],
])

type Report = (keys: readonly string[], message: string | undefined) => void

/** OpenID Connect Discovery 1.0 section 3: an https URL without query or fragment. */
const wrongWithIssuer = (issuer: string): string | undefined => {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || /[?#\s]/.test(issuer)) {
    return 'must be the https URL that the provider calls itself, without query or fragment'
  }
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password'
  return url.protocol === 'https:' || isLoopback(url.hostname)
    ? undefined
    : 'must be https: only a provider on this machine may be http, for development'
}

const wrongWithScopes = (scopes: readonly string[]): string | undefined => {
  if (!scopes.includes('openid')) return 'must hold openid, or there is no ID token'
  // RFC 6749 section 3.3.
  return scopes.every(scope => /^[!#-[\]-~]+$/.test(scope))
    ? undefined
    : 'must be a list of scopes, each without spaces and quotes'
}

const readAuthentication = (oidc: OidcConfig, report: Report): ClientAuthentication | undefined => {
  const { clientSecret: secret, clientAuthentication: { method, privateKeyJwt, keyId } = {} } = oidc
  if (privateKeyJwt === undefined) {
    if (keyId !== undefined) {
      report(['clientAuthentication', 'keyId'], 'needs privateKeyJwt, whose key it names')
    }
    if (secret !== undefined) return { kind: 'secret', secret, method }
    report([], 'needs clientSecret or clientAuthentication.privateKeyJwt')
    return undefined
  }
  if (secret !== undefined) report(['clientSecret'], 'must be left out beside privateKeyJwt')
  if (method !== undefined) {
    report(['clientAuthentication', 'method'], 'must be left out beside privateKeyJwt')
  }
  const read = readClientKey(privateKeyJwt, keyId)
  if (read.kind === 'key') return read
  report(['clientAuthentication', 'privateKeyJwt'], read.reason)
  return undefined
}
