import { isDeepStrictEqual } from 'node:util'
import { type Problem, pointer } from '../config/problem.ts'
import type { Config, RouteConfig } from '../config/schema.ts'
import { loosePath } from './match.ts'

const relaxations = ['allowEncodedSlash', 'allowEmptySegments', 'allowPathParameters'] as const

/** What is wrong between routes, and between them and the gateway's own endpoints. */
export const conflicts = (config: Config): Problem[] => [
  ...shadows(config),
  ...doubles(config),
  ...lookalikes(config),
  ...openings(config),
]

const isBelow = (path: string, above: string): boolean =>
  path !== above && path.startsWith(above === '/' ? '/' : `${above}/`)

const shadows = ({ authPath, routes }: Config): Problem[] => {
  const own = loosePath(authPath)
  return routes.flatMap(({ path }, index) => {
    const loose = loosePath(path)
    if (loose !== own && !isBelow(loose, own)) return []
    const message = 'lies under authPath, where the gateway has its own endpoints'
    return [{ path: pointer('routes', index, 'path'), message }]
  })
}

const doubles = ({ routes }: Config): Problem[] => {
  const taken = new Map<string, number>()
  return routes.flatMap(({ path, methods }, index) =>
    methods.flatMap((method, at) => {
      const first = taken.get(`${method} ${path}`)
      if (first === undefined) {
        taken.set(`${method} ${path}`, index)
        return []
      }
      const message = `${method} of the same path is already in routes/${first}`
      return [{ path: pointer('routes', index, 'methods', at), message }]
    }),
  )
}

const lookalikes = ({ routes }: Config): Problem[] => {
  const first = new Map<string, { path: string; index: number }>()
  return routes.flatMap(({ path }, index) => {
    const key = loosePath(path)
    const other = first.get(key)
    if (other === undefined) first.set(key, { path, index })
    if (other === undefined || other.path === path) return []
    const message = `must not differ from that of routes/${other.index} only in case or in marks: some upstreams take them for one`
    return [{ path: pointer('routes', index, 'path'), message }]
  })
}

/** What a reader of URLs could take for something below a relaxed route must not fall under other rules there. */
const openings = ({ routes }: Config): Problem[] =>
  routes.flatMap((route, index) =>
    relaxations.flatMap(key => {
      if (!route[key]) return []
      const nested = routes.findIndex(
        other =>
          isBelow(loosePath(other.path), loosePath(route.path)) &&
          !isDeepStrictEqual(rulesOf(other), rulesOf(route)),
      )
      if (nested < 0) return []
      const message = `cannot be allowed: routes/${nested} lies below and has other rules`
      return [{ path: pointer('routes', index, key), message }]
    }),
  )

/** All of a route that decides who may do what; not where it leads. */
const rulesOf = ({ path, upstream, rewrite, ...rules }: RouteConfig) => rules
