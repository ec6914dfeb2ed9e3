import { hash } from 'node:crypto'
import { absentIfForeign, ask, millisecondsOf } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import type { Keys } from './keys.ts'
import { isListed } from './listed.ts'
import { unpack } from './pack.ts'
import type { Meta, Tokens } from './record.ts'
import type { Sealer } from './seal.ts'
import { createSession, type Session } from './session.ts'
import { handleOf, isTicket } from './ticket.ts'

interface Reading {
  readonly redis: Redis
  readonly keys: Keys
  readonly sealer: Sealer
}

/** Reads sessions. Whatever is not a live session of this version, opened by its own ticket, is undefined. */
export const createReader = ({ redis, keys, sealer }: Reading) => {
  const load = async (ticket: string) => {
    if (!isTicket(ticket)) return undefined
    const handle = handleOf(ticket)
    const key = keys.session(handle)
    const sent = performance.now()
    // All three in one tick: they travel together and in this order.
    const [value, life, time] = await ask(
      Promise.all([redis.getBuffer(key).catch(absentIfForeign), redis.pttl(key), redis.time()]),
    )
    // Without a lifetime (-1) it is none of ours: every record has one.
    if (value === null || life <= 0) return undefined
    const unpacked = unpack({ keys, sealer }, ticket, value)
    if (unpacked === undefined) return undefined
    const now = millisecondsOf(time)
    if (unpacked.meta.expires <= now) return undefined
    const version = hash('sha1', value)
    const session = createSession({ ...unpacked, handle, version, sent, life, now })
    return { session, tokens: unpacked.tokens }
  }

  /** The session in a ticket's record, whether or not its user key lists it. */
  const fetch = async (ticket: string): Promise<Session | undefined> =>
    (await load(ticket))?.session

  /** Whether the user key lists the handle. A session is live only if it does. */
  const listed = (meta: Meta, handle: string): Promise<boolean> =>
    isListed({ redis, keys }, meta, handle)

  /** The live session of a ticket with all its tokens, for refresh and log-out. */
  const readTokens = async (
    ticket: string,
  ): Promise<{ session: Session; tokens: Tokens } | undefined> => {
    const loaded = await load(ticket)
    if (loaded === undefined) return undefined
    const { meta, handle } = loaded.session
    return (await listed(meta, handle)) ? loaded : undefined
  }

  /** The live session of a ticket. */
  const read = async (ticket: string): Promise<Session | undefined> =>
    (await readTokens(ticket))?.session

  return { fetch, listed, read, readTokens }
}
