import { endpointTable } from '../http/endpoints.ts'
import { loginEndpointTable } from '../http/login-endpoints.ts'
import { createOwnMatch } from '../http/own-endpoints.ts'
import { type Checked, loadChecked } from '../process/load.ts'
import { explainRoute, statusLine } from '../proxy/explain.ts'
import { rulesOf } from '../proxy/rules.ts'
import { readTarget } from '../proxy/target.ts'
import type { Output } from './check.ts'
import { visible } from './visible.ts'

/** What becomes of a request, one fact a line, from what the gateway itself decides by. */
export const explanation = (
  { config, plan, oidc }: Pick<Checked, 'config' | 'plan' | 'oidc'>,
  method: string,
  raw: string,
): string[] => {
  const target = readTarget(raw, config.publicUrl)
  if (target.kind === 'refused') return [`${statusLine(target.code)}: ${target.reason}`]
  const matchOwn = createOwnMatch(config.authPath, [
    ...endpointTable,
    ...(oidc === undefined ? [] : loginEndpointTable),
  ])
  const own = matchOwn(target, method)
  const reserved = `everything under ${config.authPath} is the gateway's own`
  switch (own.kind) {
    case 'own':
      return [`${method} ${target.path} is an endpoint of the gateway itself`]
    case 'refused':
      return [
        own.allow === undefined
          ? `${statusLine(own.code)}: ${reserved}, in any spelling, and there is no such endpoint`
          : `${statusLine(own.code)}: ${reserved}, and this endpoint takes ${own.allow}`,
      ]
    case 'other':
  }
  const explained = explainRoute(plan, target, method)
  if (explained.kind === 'refused') return [`${statusLine(explained.code)}: ${explained.why}`]
  const { route, why, urls } = explained
  const entry = config.routes[route.index]
  const lines: (readonly [string, string])[] = [
    ['route', `${route.label} (/routes/${route.index}): ${why}`],
    ...(entry === undefined ? [] : rulesOf(entry, config)),
    [
      'upstream',
      `${route.upstream.name}${route.rewrite === undefined ? '' : `, ${route.path} becomes ${route.rewrite}`}`,
    ],
    ...urls.map(url => ['sent to', `${method} ${url}`] as const),
  ]
  return lines.map(([key, meaning]) => `${key.padEnd(13)}${meaning}`)
}

/** `claimcheck explain`: prints what becomes of a request. Throws `SetupError` with every problem of the config, one a line. */
export const explain = (
  configFile: string,
  env: NodeJS.ProcessEnv,
  { method, target }: { readonly method: string; readonly target: string },
  { out }: Output,
): void => {
  for (const line of explanation(loadChecked(configFile, env), method, target)) out(visible(line))
}
