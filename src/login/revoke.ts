import { tokenRevocation } from 'openid-client'
import type { Log } from '../log.ts'
import type { Tokens } from '../session/record.ts'
import type { Provider } from './provider.ts'
import { reasonOf } from './reason.ts'

export type Revoker = ReturnType<typeof createRevoker>

const attempts = 3
const mostUnderWay = 256

interface Options {
  /** Milliseconds between attempts, growing; a test has no patience. */
  readonly pause?: number
}

/**
 * Gives tokens back to the provider (RFC 7009) without anybody waiting for it: a log-out is done
 * whether or not the provider hears of it. Three attempts each, and no more than 256 under way:
 * beyond that, and after the last attempt, there is a line in the log and the provider's own expiry.
 */
export const createRevoker = (provider: Provider, log: Log, { pause = 1_000 }: Options = {}) => {
  const underWay = new Set<Promise<void>>()

  const attempt = async (token: string, hint: string): Promise<void> => {
    const { configuration, metadata } = await provider.discovered()
    if (metadata.revocation_endpoint === undefined) return
    await tokenRevocation(configuration, token, { token_type_hint: hint })
  }

  const insist = async (token: string, hint: string): Promise<void> => {
    for (let made = 1; ; made++) {
      try {
        return await attempt(token, hint)
      } catch (error) {
        if (made === attempts) {
          log.warn({ reason: reasonOf(error) }, 'tokens could not be revoked at the provider')
          return
        }
      }
      await new Promise(resolve => setTimeout(resolve, pause * 2 ** made).unref())
    }
  }

  /** The refresh token, with which a provider ends the whole grant (RFC 7009 section 2.1); else the access token. */
  const revoke = ({ accessToken, refreshToken }: Pick<Tokens, 'accessToken' | 'refreshToken'>) => {
    if (underWay.size >= mostUnderWay) {
      log.warn('tokens are not revoked at the provider: too many revocations are under way')
      return
    }
    const hint = refreshToken === undefined ? 'access_token' : 'refresh_token'
    const work = insist(refreshToken ?? accessToken, hint).finally(() => underWay.delete(work))
    underWay.add(work)
  }

  /** Resolves when what is under way is over; for an orderly end. */
  const settle = async (): Promise<void> => void (await Promise.all(underWay))

  return { revoke, settle }
}
