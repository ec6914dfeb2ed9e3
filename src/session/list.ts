import { absentIfForeign, ask, clockOf } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import { scan } from '../redis/scan.ts'
import { chunks } from './chunks.ts'
import { type Described, describe, gone, handlesIn } from './describe.ts'
import type { Keys } from './keys.ts'
import { isListed } from './listed.ts'
import { isHandle } from './ticket.ts'

/** A live session as lists show it. Times are Redis milliseconds. */
export interface Listed {
  readonly handle: string
  readonly provider: string
  readonly iss: string
  readonly sub: string
  readonly sid: string | undefined
  readonly created: number
  /** Within a touch interval; in the last idle timeout before `expires`, no earlier than shown. */
  readonly lastSeen: number
  readonly expires: number
  readonly idleExpires: number
  readonly ip: string | undefined
  readonly agent: string | undefined
}

interface Listing {
  readonly redis: Redis
  readonly keys: Keys
  readonly idleTimeout: number
}

/** Shows sessions without their tickets, so without a word of what is sealed. */
export const createLister = ({ redis, keys, idleTimeout }: Listing) => {
  const shown = ({ handle, meta, idleExpires }: Described, now: number): Listed[] => {
    if (meta === undefined || Math.min(idleExpires, meta.expires) <= now) return []
    const { provider, iss, sub, sid, created, expires, ip, agent } = meta
    const lastSeen = Math.min(now, Math.max(created, idleExpires - idleTimeout))
    return [{ handle, provider, iss, sub, sid, created, lastSeen, expires, idleExpires, ip, agent }]
  }

  /** The live sessions among those handles. */
  const pick = async (handles: readonly string[]): Promise<Listed[]> => {
    const [now, described] = await Promise.all([clockOf(redis), describe({ redis, keys }, handles)])
    const present = described.flatMap(session => shown(session, now))
    const listings = present.map(session => isListed({ redis, keys }, session, session.handle))
    const listed = await Promise.all(listings)
    return present.filter((_, index) => listed[index])
  }

  /** One live session. */
  const show = async (handle: string): Promise<Listed | undefined> =>
    isHandle(handle) ? (await pick([handle]))[0] : undefined

  /** A person's live sessions, the oldest first. Takes those whose record is gone out of the user key. */
  const list = async (provider: string, sub: string): Promise<Listed[]> => {
    const user = keys.user(provider, sub)
    const members = await ask(redis.zrange(user, '0', '-1').catch(absentIfForeign))
    const [now, described] = await Promise.all([
      clockOf(redis),
      describe({ redis, keys }, (members ?? []).filter(isHandle)),
    ])
    // Safe beside other steps: a record that is gone never comes back under its handle.
    const dead = described
      .filter(({ idleExpires }) => idleExpires === gone)
      .map(({ handle }) => handle)
    for (const chunk of chunks(dead)) await ask(redis.zrem(user, ...chunk))
    return described.flatMap(session => shown(session, now))
  }

  /** Everybody's live sessions, in pages of no particular size or order. */
  async function* listAll(): AsyncGenerator<Listed[]> {
    const seen = new Set<string>()
    for await (const records of scan(redis, keys.everySession)) {
      const fresh = handlesIn(keys, records).filter(handle => !seen.has(handle))
      for (const handle of fresh) seen.add(handle)
      yield await pick([...new Set(fresh)])
    }
  }

  return { show, list, listAll }
}
