import { GatewayError } from '../errors.ts'
import type { Redis } from './client.ts'

/** What Redis answers; whatever goes wrong is `redis_unavailable`, with the client's error as its cause. */
export const ask = async <Reply>(reply: Promise<Reply>): Promise<Reply> => {
  try {
    return await reply
  } catch (cause) {
    throw new GatewayError('redis_unavailable', 'Redis did not do what it was asked', { cause })
  }
}

/** The clock of Redis, in integer milliseconds. */
export const clockOf = async (redis: Redis): Promise<number> =>
  millisecondsOf(await ask(redis.time()))

/** The answer to TIME, in integer milliseconds. */
export const millisecondsOf = ([seconds, micros]: readonly (number | string)[]): number =>
  Number(seconds) * 1000 + Math.trunc(Number(micros) / 1000)

/** For `.catch` of a read: a value of another type holds nothing of ours; every other error stays one. */
export const absentIfForeign = (error: Error): null => {
  if (error.message.startsWith('WRONGTYPE')) return null
  throw error
}
