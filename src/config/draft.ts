import { upstreamName } from './names.ts'
import { isWithin, keysOf, type Problem, pointer } from './problem.ts'

/** What stands in for a flawed part, by path: sound, and nothing that a rule would complain about. The rest is left out. */
const neutral: Readonly<Record<string, unknown>> = {
  '/publicUrl': 'http://localhost',
  '/listen': '127.0.0.1:0',
  '/admin': { listen: '127.0.0.1:0' },
  '/loginPage': '/-/login',
  '/redis': { url: 'redis://127.0.0.1:6379' },
  '/session/idleTimeout': '1ms',
  '/session/absoluteTimeout': '9600h',
}
const neutralUpstream = { targets: ['http://127.0.0.1'] }
const neutralRoute = (index: number) => ({
  path: `/-/${index}`,
  upstream: 'http://127.0.0.1',
  auth: 'none',
})

export interface Draft {
  readonly value: unknown
  /** True for a problem that may be there only because of what was replaced. */
  isDoubtful(problem: Problem): boolean
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The config with each flawed part replaced by a sound one, so that the rest can still be asked for
 * what is wrong between its parts: an operator wants to hear of all mistakes at once. Indexes stay.
 */
export const mend = (config: unknown, flaws: readonly Problem[]): Draft => {
  const value: Record<string, unknown> = isRecord(config) ? { ...config } : {}
  const replaced = new Set(flaws.map(({ path }) => unitOf(keysOf(path), value)))
  // Without its upstreams no route can be judged, and without its provider no way to log in.
  if (replaced.has('/upstreams')) replaced.add('/routes')
  if (replaced.has('/oidc')) replaced.add('/loginPage')

  for (const unit of replaced) {
    const [part = '', entry] = keysOf(unit)
    const whole = value[part]
    if (part === 'routes') {
      const routes: unknown[] = Array.isArray(whole) && whole.length > 0 ? whole : ['']
      value[part] = routes.map((route, at) =>
        entry === undefined || entry === String(at) ? neutralRoute(at) : route,
      )
    } else if (entry !== undefined && isRecord(whole)) {
      const isUpstream = part === 'upstreams' && new RegExp(upstreamName).test(entry)
      const copy = { ...whole }
      put(copy, entry, isUpstream ? neutralUpstream : neutral[unit])
      value[part] = copy
    } else put(value, part, neutral[unit])
  }

  const isDoubtful = ({ path }: Problem): boolean =>
    [...replaced].some(unit => isWithin(path, unit)) ||
    // The route of the login page may be the one that was replaced.
    (path === '/loginPage' && [...replaced].some(unit => isWithin(unit, '/routes')))
  return { value, isDoubtful }
}

const put = (map: Record<string, unknown>, key: string, value: unknown): void => {
  if (value === undefined) delete map[key]
  else map[key] = value
}

/** The part that is replaced as one: a route, an upstream, a key of `session`, or one of the top level. */
const unitOf = ([part = '', entry]: readonly string[], config: Record<string, unknown>): string => {
  const whole = config[part]
  const divisible =
    (part === 'routes' && Array.isArray(whole) && whole.length > 0) ||
    ((part === 'upstreams' || part === 'session') && isRecord(whole))
  return entry !== undefined && divisible ? pointer(part, entry) : pointer(part)
}
