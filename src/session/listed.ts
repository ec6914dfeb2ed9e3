import { absentIfForeign, ask } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import type { Keys } from './keys.ts'
import type { Meta } from './record.ts'

/** Whether the person's user key lists the handle. A session is live only if it does. */
export const isListed = async (
  { redis, keys }: { redis: Redis; keys: Keys },
  { provider, sub }: Pick<Meta, 'provider' | 'sub'>,
  handle: string,
): Promise<boolean> => {
  const score = redis.zscore(keys.user(provider, sub), handle).catch(absentIfForeign)
  return (await ask(score)) !== null
}
