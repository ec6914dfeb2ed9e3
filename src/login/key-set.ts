import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose'
import { readAtMost } from './read-at-most.ts'

/** The keys could not be had, so that nothing is known of the token; why not is the cause. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable'
}

export interface KeySet {
  /** For jwtVerify. Rejects with KeysUnavailable, or with jose's errors where no key, or more than one, fits. */
  readonly keyOf: JWTVerifyGetKey
  /** Fetches the keys anew, unless that was done a moment ago; false then. Rejects with KeysUnavailable. */
  renew(): Promise<boolean>
}

/** All in milliseconds, but the size. */
const defaults = {
  timeout: 5_000,
  /** A key id that is not known fetches the set at most this often: a rotation is seen, a flood is not passed on. */
  cooldown: 5_000,
  /** Nothing is fetched for so long after a failure: for keys that anybody can cause to be fetched. */
  failurePause: 0,
  renewAfter: 10 * 60_000,
  /** Known keys serve this long while the set cannot be fetched (LG-20). */
  maxAge: 60 * 60_000,
  maxBytes: 256 * 1024,
}

export type KeySetLimits = Partial<typeof defaults>

/**
 * A provider's published keys (RFC 7517), fetched when they are first needed; one fetch at a time,
 * with a limit on its time and size. Redirects are not followed: the configured address is what
 * the operator trusts.
 */
export const createKeySet = (url: URL, limits: KeySetLimits = {}): KeySet => {
  const { timeout, cooldown, failurePause, renewAfter, maxAge, maxBytes } = {
    ...defaults,
    ...limits,
  }
  /** When a set that is at hand has to be fetched anew, by Date.now(). */
  let due = 0
  let pausedUntil = 0

  const download = async (address: string, options: RequestInit): Promise<Response> => {
    const response = await fetch(address, options)
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`status ${response.status}`)
    }
    return new Response(await readAtMost(maxBytes, response))
  }

  const remote = createRemoteJWKSet(url, {
    timeoutDuration: timeout,
    cooldownDuration: cooldown,
    cacheMaxAge: maxAge,
    [customFetch]: async (address, options) => {
      if (Date.now() < pausedUntil) throw new Error('that failed a moment ago')
      due = Date.now() + renewAfter
      return download(address, options).catch(error => {
        pausedUntil = Date.now() + failurePause
        throw error
      })
    },
  })

  return {
    keyOf: async (header, token) => {
      if (remote.fresh && Date.now() >= due) await remote.reload().catch(() => undefined)
      try {
        return await remote(header, token)
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey) throw error
        if (error instanceof errors.JWKSMultipleMatchingKeys) throw error
        // Perhaps a key that cannot be imported: the next set may be better.
        due = Date.now() + cooldown
        throw unavailable(error)
      }
    },
    renew: async () => {
      if (remote.coolingDown) return false
      await remote.reload().catch(error => {
        throw unavailable(error)
      })
      return true
    },
  }
}

const unavailable = (error: unknown): KeysUnavailable =>
  new KeysUnavailable('the keys cannot be fetched', { cause: error })
