import type { Redis } from './client.ts'
import { createScript, run } from './script.ts'

export type Leased =
  | {
      readonly kind: 'ours'
      /** It was the lease of the holder that was to be replaced. */
      readonly tookOver: boolean
    }
  /** Somebody else works. */
  | { readonly kind: 'held'; readonly holder: string }
  /** Nobody is to begin, for so many milliseconds. */
  | { readonly kind: 'paused'; readonly remaining: number }

interface Names {
  /** Who works now. */
  readonly lease: string
  /** Is there while nobody is to begin. */
  readonly pause: string
}

/**
 * KEYS: lease, pause. ARGV: owner, milliseconds, a holder that is to be replaced ('' = none). Answers 0 where it
 * is ours, -1 where it was that holder's until now, else its holder, or what is left of the pause in milliseconds.
 */
const acquire = createScript(`
local pause = redis.call('PTTL', KEYS[2])
if pause > 0 then return pause end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[3] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return holder and -1 or 0
`)

/** KEYS: lease, pause. ARGV: owner, milliseconds of the pause, perhaps 0. Changes nothing where the lease is another's by now. */
const release = createScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[2], 1, 'PX', ARGV[2]) end
return 1
`)

/** Leases: one worker over all gateways, for a time that outlives its work, and none for a while after. Owners are not numbers. */
export const createLeases = (redis: Redis) => ({
  /** `instead`: of this holder, who is taken for dead; or is the owner, who makes sure of it. */
  acquire: async (
    { lease, pause }: Names,
    owner: string,
    milliseconds: number,
    instead = '',
  ): Promise<Leased> => {
    const reply = await run(redis, acquire, [lease, pause], [owner, milliseconds, instead])
    if (typeof reply !== 'number') return { kind: 'held', holder: String(reply) }
    return reply > 0 ? { kind: 'paused', remaining: reply } : { kind: 'ours', tookOver: reply < 0 }
  },

  release: async ({ lease, pause }: Names, owner: string, pauseFor: number): Promise<void> => {
    await run(redis, release, [lease, pause], [owner, Math.ceil(pauseFor)])
  },
})
