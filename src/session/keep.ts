import { clockOf } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import { run } from '../redis/script.ts'
import { scripts } from '../redis/scripts.ts'
import type { Keys } from './keys.ts'
import { pack } from './pack.ts'
import { type Meta, moment, type Tokens } from './record.ts'
import type { Sealer } from './seal.ts'
import type { Session } from './session.ts'
import { handleOf } from './ticket.ts'

interface Keeping {
  readonly redis: Redis
  readonly keys: Keys
  readonly sealer: Sealer
  /** Milliseconds. */
  readonly idleTimeout: number
}

/** Keeps sessions alive and changes their tokens; never brings back one that has ended. */
export const createKeeper = ({ redis, keys, sealer, idleTimeout }: Keeping) => {
  /** Slides the idle timeout, never past the absolute one. False: the session is gone, and stays so. */
  const touch = async ({ handle, meta }: Session): Promise<boolean> => {
    const names = [keys.session(handle), keys.user(meta.provider, meta.sub)]
    return (await run(redis, scripts.touch, names, [handle, idleTimeout, meta.expires])) === 1
  }

  /**
   * Puts new tokens in the place of those that were read; `tokenExpires` is milliseconds from now. `stale`:
   * somebody else has done so since. `gone`: the session has ended, and stays so.
   */
  const replace = async (
    ticket: string,
    session: Session,
    tokens: Tokens,
    tokenExpires: number | undefined,
  ): Promise<'replaced' | 'stale' | 'gone'> => {
    const { tokenExpires: _, ...kept } = session.meta
    const meta: Meta = {
      ...kept,
      ...(tokenExpires !== undefined && {
        tokenExpires: moment(await clockOf(redis), tokenExpires),
      }),
    }
    const handle = handleOf(ticket)
    const names = [keys.session(handle), keys.user(meta.provider, meta.sub)]
    const value = pack({ keys, sealer }, ticket, meta, tokens)
    const outcome = await run(redis, scripts.replace, names, [handle, session.version, value])
    if (outcome === 1) return 'replaced'
    return outcome === 0 ? 'gone' : 'stale'
  }

  return { touch, replace }
}
