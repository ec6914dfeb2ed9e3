import { GatewayError } from '../errors.ts'
import { clockOf } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import { listIn, run } from '../redis/script.ts'
import { scripts } from '../redis/scripts.ts'
import { describe, metaIn } from './describe.ts'
import { forgetSids } from './forget.ts'
import type { Keys } from './keys.ts'
import { pack } from './pack.ts'
import { cutAgent, encodeLine, lineLimit, type Meta, moment, type Tokens } from './record.ts'
import type { Sealer } from './seal.ts'
import { createTicket, handleOf, isHandle } from './ticket.ts'

/** What a login brings. */
export interface NewSession {
  readonly provider: string
  readonly iss: string
  readonly sub: string
  readonly sid?: string | undefined
  /** Milliseconds from now; absent where the provider did not say. */
  readonly tokenExpires?: number | undefined
  readonly tokens: Tokens
  readonly ip?: string | undefined
  readonly agent?: string | undefined
}

/** How a login began. */
export interface Beginning {
  /** Handles of the sessions that this browser presented: they end in the same step. */
  readonly presented?: readonly string[] | undefined
  /** Redis milliseconds: a log-out at or after this moment refuses the session. */
  readonly startedAt?: number | undefined
}

export type Created =
  | {
      readonly kind: 'created'
      readonly ticket: string
      readonly handle: string
      /** Handles of the presented sessions that were live. */
      readonly replaced: readonly string[]
      /** Handles of the sessions that the limit ended. */
      readonly evicted: readonly string[]
    }
  /** The person has `maxPerUser` sessions, and `atLimit` is `refuse`. */
  | { readonly kind: 'refused' }
  /** The person logged out after this login began. */
  | { readonly kind: 'ended' }

interface Making {
  readonly redis: Redis
  readonly keys: Keys
  readonly sealer: Sealer
  readonly idleTimeout: number
  readonly absoluteTimeout: number
  readonly maxPerUser: number
  readonly atLimit: 'evict-oldest' | 'refuse'
  readonly recordClient: boolean
  readonly admit?: ((provider: string, sub: string) => Promise<void>) | undefined
}

/** Makes sessions. */
export const createMaker = (options: Making) => {
  const { redis, keys, sealer, idleTimeout, absoluteTimeout, maxPerUser, recordClient } = options

  const describeNew = (session: NewSession, now: number): Meta => {
    const { provider, iss, sub, sid, tokenExpires, ip, agent } = session
    const meta: Meta = {
      ...{ v: 1, provider, iss, sub, created: now, expires: now + absoluteTimeout },
      ...(sid !== undefined && sid !== '' && { sid }),
      ...(tokenExpires !== undefined && { tokenExpires: moment(now, tokenExpires) }),
      ...(recordClient && ip !== undefined && { ip }),
      ...(recordClient && agent !== undefined && { agent: cutAgent(agent) }),
    }
    // An empty subject would be one person shared by all whose provider names none; broken UTF-16 would
    // share the key of another broken one.
    if (
      sub === '' ||
      /\p{Surrogate}/u.test(sub + (sid ?? '')) ||
      encodeLine(meta).length > lineLimit
    ) {
      throw new GatewayError('login_not_readable', 'the subject is empty, malformed or too long')
    }
    return meta
  }

  /**
   * Makes a session with a new ticket, in one step with the end of those that were presented and of those
   * beyond the limit. Sessions whose record is gone do not count.
   */
  const create = async (
    session: NewSession,
    { presented = [], startedAt }: Beginning = {},
  ): Promise<Created> => {
    const handles = [...new Set(presented)].filter(isHandle)
    const [now, described] = await Promise.all([
      clockOf(redis),
      describe({ redis, keys }, handles),
      options.admit?.(session.provider, session.sub),
    ])
    const meta = describeNew(session, now)
    const { provider, sub, sid, expires } = meta
    const ticket = createTicket()
    const handle = handleOf(ticket)

    const names = [keys.session(handle), keys.user(provider, sub)]
    names.push(keys.endedAll(), keys.ended(provider, sub))
    if (sid !== undefined) names.push(keys.sid(provider, sid), keys.ended(provider, sid))
    const leaving: (string | number)[] = []
    for (const { handle: old, meta: known } of described) {
      if (known === undefined) continue
      names.push(keys.session(old), keys.user(known.provider, known.sub))
      if (known.sid !== undefined) names.push(keys.sid(known.provider, known.sid))
      leaving.push(old, known.sid === undefined ? 0 : 1)
    }
    const value = pack({ keys, sealer }, ticket, meta, session.tokens)
    const reply = await run(redis, scripts.create, names, [
      ...[value, handle, expires, idleTimeout, startedAt ?? ''],
      ...[sid === undefined ? 0 : 1, maxPerUser, options.atLimit === 'refuse' ? 1 : 0],
      ...[keys.session(''), ...leaving],
    ])

    const [kind, count, ...rest] = listIn(reply)
    const outcome = String(kind)
    if (outcome === 'refused' || outcome === 'ended') return { kind: outcome }
    const evictions = 2 * Number(count)
    const evicted = []
    for (let i = 0; i < evictions; i += 2) {
      evicted.push({ handle: String(rest[i]), meta: metaIn(rest[i + 1]) })
    }
    // The session exists by now: what fails here must not lose its ticket.
    await forgetSids({ redis, keys }, evicted).catch(() => undefined)
    const replaced = rest.slice(evictions).map(String)
    return { kind: 'created', ticket, handle, replaced, evicted: evicted.map(old => old.handle) }
  }

  return { create }
}
