import { isDeepStrictEqual } from 'node:util'
import { openLogin } from '../login/open.ts'
import { capturedExchanges, capturedInput } from './captured-refresh.ts'
import type { Compiled, Lasting } from './serving.ts'

/** A login and all that it was made from. */
export interface KeptLogin {
  readonly login: ReturnType<typeof openLogin>
  readonly madeFrom: ReturnType<typeof input>
}

const input = (compiled: Compiled) => {
  const { oidc: plan, config } = compiled
  const { oidc, publicUrl, authPath, session } = config
  const key = plan?.authentication.kind === 'key' ? plan.authentication.key.key : undefined
  return {
    ...{ oidc, publicUrl, authPath, secrets: session.sealSecrets },
    key: key?.export({ type: 'pkcs8', format: 'pem' }),
    acrs: plan?.acrs,
    captured: capturedInput(compiled),
  }
}

/** The login of a config: that of the config before where nothing of it changed, so that what is known of the provider is kept. */
export const keepLogin = (
  compiled: Compiled,
  { sessions, log, audit, metrics }: Lasting,
  before: KeptLogin | undefined,
): KeptLogin => {
  const madeFrom = input(compiled)
  if (before !== undefined && isDeepStrictEqual(before.madeFrom, madeFrom)) return before
  const login = openLogin({
    plan: compiled.oidc,
    captured: capturedExchanges(compiled),
    publicUrl: madeFrom.publicUrl,
    secrets: madeFrom.secrets,
    ...{ sessions, log, audit, metrics },
  })
  return { login, madeFrom }
}
