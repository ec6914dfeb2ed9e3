import { isDeepStrictEqual } from 'node:util'
import { GatewayError } from '../errors.ts'
import type { Session, Store, Tokens } from '../session/store.ts'
import { createWake } from './wake.ts'

type Saved = 'replaced' | 'stale' | 'gone'

/** Calls `wake` whenever a session's record may have changed, as after an outage; answers how to stop that. */
export type OnChange = (handle: string, wake: () => void) => () => void

interface Limits {
  /** Milliseconds for which a save is tried again. */
  readonly patience?: number
  /** Milliseconds until the second attempt; the pauses grow up to `longestPause`. */
  readonly firstPause?: number
}

/** Milliseconds for which a save is tried again. */
export const savePatience = 10 * 60_000
/** Milliseconds between two attempts at most. */
export const longestPause = 1_000

/**
 * Saves new tokens over those that were read. They exist nowhere else and the old ones may be used up,
 * so a Redis that fails is asked again for ten minutes, and at once when it is back. `replaced` means that
 * they are stored, even where the reply to an earlier attempt was lost; `stale` that somebody else has
 * stored others since.
 */
export const createSave =
  (
    store: Pick<Store, 'replace' | 'readTokens'>,
    onChange: OnChange,
    { patience = savePatience, firstPause = 50 }: Limits = {},
  ) =>
  async (
    ticket: string,
    session: Session,
    tokens: Tokens,
    lifetime: number | undefined,
  ): Promise<Saved> => {
    const received = performance.now()
    const passed = () => performance.now() - received

    const attempt = async (): Promise<Saved> => {
      const left = lifetime === undefined ? undefined : Math.max(0, lifetime - passed())
      const outcome = await store.replace(ticket, session, tokens, left)
      if (outcome !== 'stale') return outcome
      const stored = await store.readTokens(ticket)
      if (stored === undefined) return 'gone'
      return isDeepStrictEqual(stored.tokens, tokens) ? 'replaced' : 'stale'
    }

    const insist = async (pause: number): Promise<Saved> => {
      try {
        return await attempt()
      } catch (error) {
        const isOutage = error instanceof GatewayError && error.code === 'redis_unavailable'
        if (!isOutage || passed() + pause > patience) throw error
      }
      await wake.wait(pause)
      return insist(Math.min(2 * pause, longestPause))
    }

    const wake = createWake(call => onChange(session.handle, call))
    return insist(firstPause).finally(wake.stop)
  }
