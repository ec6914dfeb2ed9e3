import { isDeepStrictEqual } from 'node:util'
import { keysOf, type Problem, pointer } from '../config/problem.ts'
import type { CaptureConfig, Config } from '../config/schema.ts'
import { type Capture, createCapture } from './capture.ts'
import type { CapturedRefresh } from './captured-exchange.ts'
import { createVerifier } from './verify.ts'

/** Both are ours alone to set; in lower case, because browsers match the prefix in any. */
const ownCookies = (config: Config): ReadonlySet<string> =>
  new Set([config.session.cookie.name, '__Host-Http-login'].map(name => name.toLowerCase()))

export interface CapturePlan extends Capture {
  /** The provider's name. */
  readonly name: string
  /** How its sessions get new tokens; undefined where they do not. */
  readonly refresh: CapturedRefresh | undefined
}

/** The captures of a config, by the index of their route, and what is wrong between them. */
export const compile = (
  config: Config,
): { plan: ReadonlyMap<number, CapturePlan>; problems: Problem[] } => {
  const own = ownCookies(config)
  const plan = new Map<number, CapturePlan>()
  const problems: Problem[] = []
  const providers = new Map<string, CaptureConfig>()
  const refreshes = new Map<string, object>()

  for (const [index, { capture, cookies, upstream }] of config.routes.entries()) {
    if (capture === undefined) continue
    const report = (key: string, message: string) =>
      problems.push({ path: pointer('routes', index, 'capture', key), message })

    const { name, token, refreshToken, remove, subject, verify } = capture
    if (refreshToken === token) report('refreshToken', 'must not be where the token is')
    const other = providers.get(name) ?? capture
    providers.set(name, other)
    // A person is a provider and a subject: two issuers of one name could log in as one another's people.
    if (!isDeepStrictEqual(identityOf(other), identityOf(capture))) {
      report('name', 'is taken by a capture with another subject, claims or verify')
    }

    const settled = refreshOf(capture)
    if (settled !== undefined) {
      const known = refreshes.get(name) ?? { upstream, ...settled }
      refreshes.set(name, known)
      if (!isDeepStrictEqual(known, { upstream, ...settled })) {
        report('refresh', 'differs from that of another capture of the same name')
      }
    }

    const verifier = createVerifier(verify, keysOf(subject))
    const made = createCapture({
      name,
      token: keysOf(token),
      refreshToken: refreshToken === undefined ? undefined : keysOf(refreshToken),
      remove: remove.map(keysOf),
      cookies: { listed: cookies, own },
      verify: verifier,
    })
    plan.set(index, { ...made, name, refresh: settled && { ...settled, verify: verifier } })
  }
  return { plan, problems }
}

const identityOf = ({ subject, claims, verify }: CaptureConfig) => ({ subject, claims, verify })

/** A refresh with everything that may be left out. */
const refreshOf = ({
  token,
  refreshToken,
  refresh,
}: CaptureConfig): Omit<CapturedRefresh, 'verify'> | undefined => {
  if (refresh === undefined || refreshToken === undefined) return undefined
  const { path, format, refusals, refreshBefore, timeout } = refresh
  return {
    ...{ path, format, refreshBefore, timeout },
    field: refresh.field ?? keysOf(refreshToken).at(-1) ?? '',
    token: keysOf(refresh.token ?? token),
    refreshToken: keysOf(refresh.refreshToken ?? refreshToken),
    refusals: new Set(refusals),
  }
}
