import { hash } from 'node:crypto'
import { absentIfForeign, ask } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import type { Keys } from './keys.ts'
import { isListed } from './listed.ts'
import type { Session } from './session.ts'

/** What Redis says of a session that was read before. */
export type Life =
  | { readonly kind: 'gone' }
  /** `version` of the record as in `Session`; `idleDeadline` in `performance.now()` milliseconds. */
  | { readonly kind: 'live'; readonly version: string; readonly idleDeadline: number }

export type Vitals = ReturnType<typeof createVitals>

/** Questions that wait, beyond which it is better to forget a session than to ask after it. */
const crowd = 1_000

/**
 * Asks after sessions without their tickets, so nothing is decrypted. Questions for one session are
 * joined until they are sent and never later: an answer is younger than every question it serves.
 * At most `width` are on their way. A failure is `redis_unavailable`.
 */
export const createVitals = ({ redis, keys }: { redis: Redis; keys: Keys }, width = 128) => {
  const waiting = new Map<string, { answer: Promise<Life>; send: () => Promise<void> }>()
  let running = 0

  const read = async ({ handle, meta, absoluteDeadline }: Session): Promise<Life> => {
    const key = keys.session(handle)
    const sent = performance.now()
    const [[value, life], listed] = await Promise.all([
      ask(Promise.all([redis.getBuffer(key).catch(absentIfForeign), redis.pttl(key)])),
      isListed({ redis, keys }, meta, handle),
    ])
    if (value === null || life <= 0 || !listed) return { kind: 'gone' }
    const idleDeadline = Math.min(sent + life, absoluteDeadline)
    return { kind: 'live', version: hash('sha1', value), idleDeadline }
  }

  const pump = () => {
    for (const [handle, { send }] of waiting) {
      if (running >= width) return
      waiting.delete(handle)
      running++
      void send().finally(() => {
        running--
        pump()
      })
    }
  }

  return {
    ask: (session: Session): Promise<Life> => {
      const joined = waiting.get(session.handle)
      if (joined !== undefined) return joined.answer
      let send = async () => {}
      const answer = new Promise<Life>((resolve, reject) => {
        send = () => read(session).then(resolve, reject)
      })
      waiting.set(session.handle, { answer, send })
      // Later in this turn: whoever else is told of the same announcement joins.
      queueMicrotask(pump)
      return answer
    },
    busy: () => waiting.size >= crowd,
  }
}
