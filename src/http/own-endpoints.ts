import type { RequestListener } from 'node:http'
import type { ErrorCode } from '../errors.ts'
import { type CrossSiteRules, crossSite } from '../proxy/cross-site.ts'
import type { Target } from '../proxy/target.ts'
import type { Answers } from './answer.ts'
import { type Context, keepContext } from './context.ts'

export interface OwnEndpoint {
  readonly method: string
  /** Below the auth path; a last segment `:handle` stands for 64 hex digits. */
  readonly path: string
  /** `open`: reached from other sites by protocol, so not checked. `page`: may be navigated to. */
  readonly access: 'checked' | 'page' | 'open'
}

export type OwnMatch =
  | { readonly kind: 'own'; readonly endpoint: OwnEndpoint }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly allow?: string }
  | { readonly kind: 'other' }

export type OwnEndpoints = ReturnType<typeof createOwnEndpoints>

const handleSegment = /\/[0-9a-f]{64}$/

/** Compiles which requests are for the gateway itself: whatever lies under the auth path, in any spelling. */
export const createOwnMatch = (authPath: string, table: readonly OwnEndpoint[]) => {
  const prefix = `${authPath}/`
  const byPath = new Map<string, OwnEndpoint[]>()
  for (const endpoint of table) {
    const path = authPath + endpoint.path
    byPath.set(path, [...(byPath.get(path) ?? []), endpoint])
  }
  return ({ path, lookalike }: Target, method: string): OwnMatch => {
    if (path !== authPath && !path.startsWith(prefix)) {
      const disguised = lookalike === authPath || lookalike.startsWith(prefix)
      return disguised ? { kind: 'refused', code: 'not_found' } : { kind: 'other' }
    }
    const endpoints = byPath.get(path) ?? byPath.get(path.replace(handleSegment, '/:handle'))
    if (endpoints === undefined) return { kind: 'refused', code: 'not_found' }
    const endpoint = endpoints.find(candidate => candidate.method === method)
    if (endpoint !== undefined) return { kind: 'own', endpoint }
    const allow = endpoints.map(candidate => candidate.method).join(', ')
    return { kind: 'refused', code: 'method_not_allowed', allow }
  }
}

/**
 * Decides which requests are for the gateway itself. Everything under the auth path is: what is not
 * an endpoint there is 404 or 405 and never reaches an upstream, in no spelling (PA-10).
 */
export const createOwnEndpoints = (
  authPath: string,
  publicOrigin: string,
  table: readonly OwnEndpoint[],
  answers: Answers,
) => {
  const rules = (pages: boolean): CrossSiteRules => ({
    publicOrigin,
    corsOrigins: new Set(),
    pages,
    capture: false,
  })
  const checked = rules(false)
  const page = rules(true)

  /** Checks where the request came from and gives it to Fastify under the path that was decided on. */
  const hand = (context: Context, endpoint: OwnEndpoint, fastify: RequestListener): void => {
    const { req, res } = context
    if (endpoint.access !== 'open') {
      const rule = endpoint.access === 'page' ? page : checked
      if (crossSite(context.method, req.headers, rule).kind === 'refuse') {
        return answers.refuse(context, 'cross_site')
      }
    }
    keepContext(context)
    req.url = context.path + context.query
    fastify(req, res)
  }

  return { match: createOwnMatch(authPath, table), hand }
}
