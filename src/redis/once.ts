import { SetupError } from '../errors.ts'
import { openConnection, type Redis, type RedisPlan } from './client.ts'
import { serverName, withoutPassword } from './options.ts'

/** A connection for one command line's work: ready when it resolves, or `SetupError`; it does not reconnect. */
export const connectOnce = async (plan: RedisPlan): Promise<Redis> => {
  const redis = openConnection(plan, {
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
  })
  let reason: Error | undefined
  redis.on('error', (error: Error) => {
    reason ??= error
  })
  try {
    await redis.connect()
    return redis
  } catch (cause) {
    redis.disconnect()
    // What connect() rejects with often says only that the connection is closed.
    const { message, code = '' }: NodeJS.ErrnoException = reason ?? Object(cause)
    throw new SetupError(
      `Redis at ${serverName(plan)} cannot be used: ${withoutPassword(plan, message || code)}`,
      { cause },
    )
  }
}
