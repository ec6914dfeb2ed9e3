import { decodeWholly, readUtf8 } from './escapes.ts'
import { looseForm } from './loose.ts'
import type { RoutePlan } from './route.ts'
import type { Target } from './target.ts'

export type Matched =
  | { readonly kind: 'route'; readonly route: RoutePlan }
  | { readonly kind: 'refused'; readonly code: 'not_found' | 'malformed_request' }
  /** `allow` is the value of the header. */
  | { readonly kind: 'refused'; readonly code: 'method_not_allowed'; readonly allow: string }

const notFound: Matched = { kind: 'refused', code: 'not_found' }
const malformed: Matched = { kind: 'refused', code: 'malformed_request' }

/** The routes of one path; none at all where the gateway's own endpoints are. */
interface Place {
  readonly path: string
  /** For the path itself. */
  readonly at: Choice
  /** For what lies below it: without the exact routes. */
  readonly below: Choice
}

interface Choice {
  readonly byMethod: ReadonlyMap<string, Matched & { kind: 'route' }>
  readonly otherwise: Matched
}

const choiceOf = (routes: readonly RoutePlan[]): Choice => {
  const byMethod = new Map(
    routes.flatMap(route =>
      [...route.methods].map(method => [method, { kind: 'route', route } as const] as const),
    ),
  )
  const allow = [...byMethod.keys()].sort().join(', ')
  const refused: Matched = { kind: 'refused', code: 'method_not_allowed', allow }
  return { byMethod, otherwise: byMethod.size === 0 ? notFound : refused }
}

/** The form of a route's path in which paths that a lenient upstream takes for one are equal; the path itself where nothing can be taken for it. */
export const loosePath = (path: string): string => {
  const decoded = readUtf8(decodeWholly(path))
  return (decoded !== undefined && looseForm(decoded)) || path
}

/** The longest path, by whole segments, that `path` is or lies below. No more look-ups than the longest key has segments. */
const createLookup = (places: ReadonlyMap<string, Place>) => {
  const keys = [...places.keys()]
  const longest = Math.max(0, ...keys.map(key => key.length))
  const deepest = Math.max(1, ...keys.map(key => key.split('/').length - 1))
  const root = places.get('/')
  return (path: string): Place | undefined => {
    let end = path.indexOf('/', 1)
    for (let depth = 1; depth < deepest && end >= 0; depth++) end = path.indexOf('/', end + 1)
    if (end < 0) end = path.length
    for (; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const place = end > longest ? undefined : places.get(path.slice(0, end))
      if (place !== undefined) return place
    }
    return root
  }
}

/**
 * Compiles what finds the route of a request: by path, the longest wins, then by method; there is no
 * way back to a shorter path. `reserved` is the prefix under which nothing is ever proxied.
 */
export const createMatch = (routes: readonly RoutePlan[], reserved: string) => {
  const exactly = new Map<string, Place>()
  for (const path of new Set([...routes.map(route => route.path), reserved])) {
    const here = path === reserved ? [] : routes.filter(route => route.path === path)
    const below = choiceOf(here.filter(route => !route.exact))
    exactly.set(path, { path, at: choiceOf(here), below })
  }
  const loosely = new Map([...exactly].map(([path, place]) => [loosePath(path), place]))
  // With a key that differs from its path, a path without anything odd can be a look-alike of it.
  const allPlain = [...loosely].every(([key, { path }]) => key === path)
  const find = createLookup(exactly)
  const findLoosely = createLookup(loosely)

  return (target: Target, method: string): Matched => {
    const { path, lookalike } = target
    const place = find(path)
    const choice = place && (place.path.length === path.length ? place.at : place.below)
    const found = choice?.byMethod.get(method)
    if (target.encodedSlash && !found?.route.allowEncodedSlash) return malformed
    if (target.emptySegments && !found?.route.allowEmptySegments) return malformed
    if (target.pathParameters && !found?.route.allowPathParameters) return malformed
    if (choice === undefined) return notFound
    if ((lookalike !== path || !allPlain) && findLoosely(lookalike) !== place) return notFound
    return found ?? choice.otherwise
  }
}
