import { isLoopback } from './addresses.ts'
import { type Problem, pointer } from './problem.ts'
import type { CaptureConfig, Config } from './schema.ts'

/** What is wrong with how captured tokens are verified and refreshed. */
export const captureProblems = ({ routes }: Config): Problem[] =>
  routes.flatMap(({ capture }, index) =>
    capture === undefined
      ? []
      : [...verifyProblems(capture.verify), ...refreshProblems(capture)].map(
          ({ path, message }) => ({
            path: pointer('routes', index, 'capture') + path,
            message,
          }),
        ),
  )

function* verifyProblems(verify: CaptureConfig['verify']): Generator<Problem> {
  const { jwks, secret, algorithms, allowInsecureJwks } = verify
  if ((jwks === undefined) === (secret === undefined))
    yield { path: '/verify', message: 'must have either jwks or secret' }

  // A public key that is accepted as an HMAC secret lets anybody sign (RFC 8725 section 2.1).
  for (const [index, algorithm] of (algorithms ?? []).entries()) {
    const path = pointer('verify', 'algorithms', index)
    const symmetric = algorithm.startsWith('HS')
    if (symmetric && secret === undefined) yield { path, message: 'goes only with secret' }
    if (!symmetric && jwks === undefined) yield { path, message: 'goes only with jwks' }
  }

  if (secret !== undefined) {
    const least = Math.max(...(algorithms ?? []).map(hashBytes), hashBytes('HS256'))
    if (Buffer.byteLength(secret) < least)
      yield {
        path: '/verify/secret',
        message: `must be at least ${least} bytes (RFC 7518 section 3.2)`,
      }
  }

  if (jwks !== undefined && !allowInsecureJwks) {
    const { protocol, hostname } = new URL(jwks)
    if (protocol === 'http:' && !isLoopback(hostname))
      yield {
        path: '/verify/jwks',
        message:
          'must be https, or allowInsecureJwks: true: who is on the way could replace the keys',
      }
  }
}

/** Statuses that ask to come again (RFC 9110 sections 15.5.9 and 15.5.20, RFC 8470, RFC 6585): no refusal of a token. */
const tryAgain = [408, 421, 425, 429]

function* refreshProblems({ refresh, token, refreshToken }: CaptureConfig): Generator<Problem> {
  if (refresh === undefined) return
  if (refreshToken === undefined)
    yield {
      path: '/refresh',
      message: 'needs refreshToken: where the refresh token is in the answer',
    }
  if (refresh.format === 'bearer' && refresh.field !== undefined)
    yield { path: '/refresh/field', message: 'means nothing beside format: bearer' }
  if ((refresh.refreshToken ?? refreshToken) === (refresh.token ?? token))
    yield { path: '/refresh/refreshToken', message: 'must not be where the token is' }
  for (const [index, status] of refresh.refusals.entries()) {
    if (status < 400 || status > 499 || tryAgain.includes(status))
      yield {
        path: pointer('refresh', 'refusals', index),
        message:
          'must be a status from 400 to 499, and none that asks to come again (408, 421, 425, 429)',
      }
  }
}

/** The length of an HMAC's hash; a key must be at least as long (RFC 7518 section 3.2). */
const hashBytes = (algorithm: string): number =>
  ({ HS256: 32, HS384: 48, HS512: 64 })[algorithm] ?? 0
