import { clockOf } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import { createEnder } from './end.ts'
import { createKeeper } from './keep.ts'
import type { Keys } from './keys.ts'
import { createLister } from './list.ts'
import { createMaker } from './make.ts'
import { createReader } from './read.ts'
import type { Sealer } from './seal.ts'

export type { Ended } from './end.ts'
export type { Listed } from './list.ts'
export type { Beginning, Created, NewSession } from './make.ts'
export type { Meta, Tokens } from './record.ts'
export type { Session } from './session.ts'

export interface StoreOptions {
  readonly redis: Redis
  /** A connection of its own for endings, because WAIT holds up every command behind it; left out = `redis`. */
  readonly endings?: Redis | undefined
  readonly keys: Keys
  readonly sealer: Sealer
  /** Milliseconds, as is `absoluteTimeout`. */
  readonly idleTimeout: number
  readonly absoluteTimeout: number
  /** 0: any number. */
  readonly maxPerUser: number
  readonly atLimit: 'evict-oldest' | 'refuse'
  /** False leaves a client's address and `User-Agent` out of its record. */
  readonly recordClient: boolean
  /** Asked before a session is made; rejects where the person may have none now. Left out = everybody may. */
  readonly admit?: ((provider: string, sub: string) => Promise<void>) | undefined
}

export type Store = ReturnType<typeof createStore>

/**
 * All that is read and written of sessions in Redis. A session is live if and only if its record exists
 * and its user key lists its handle. Every failure of Redis is the GatewayError `redis_unavailable`.
 */
export const createStore = ({ endings, ...options }: StoreOptions) => ({
  /** The clock of Redis, in integer milliseconds: when a login begins. */
  now: (): Promise<number> => clockOf(options.redis),
  ...createReader(options),
  ...createMaker(options),
  ...createKeeper(options),
  ...createEnder({ redis: endings ?? options.redis, keys: options.keys }),
  ...createLister(options),
})
