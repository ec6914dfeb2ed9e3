import type { Redis, RedisOptions } from 'ioredis'

/**
 * What a connection for announcements needs over the options of the data connection. RESP2, because
 * ioredis 6 drops the pushes of RESP3; never resubscribed by itself, because tracking would be off
 * and the silence would look like calm; never retried, because each attempt is a new connection.
 */
export const announcementOptions = {
  protocol: 2,
  lazyConnect: true,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  enableAutoPipelining: false,
  failoverDetector: false,
  // Whoever uses the connection has deadlines of its own, which spare it after a stall of this process.
  commandTimeout: undefined,
  socketTimeout: undefined,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
} as const satisfies RedisOptions

/** The server answers but cannot or may not announce changes: waiting a moment will not help. */
export class TrackingRefused extends Error {
  override readonly name = 'TrackingRefused'
}

/** Turns the server's refusals of `what` (no such command, not permitted) into `TrackingRefused`; other errors pass. */
export const refusal = (what: string) => (error: unknown) => {
  if (!(error instanceof Error) || !/^(?:ERR|NOPERM) /.test(error.message)) throw error
  throw new TrackingRefused(`${what}: ${error.message}`, { cause: error })
}

const channel = '__redis__:invalidate'

/**
 * Connects and makes the server announce on this very connection every write to a key with one of
 * `prefixes`: tracking and delivery live and die together. `heard` gets the names of the written keys,
 * or undefined where anything may have changed (FLUSHALL); it runs inside the parser and must not throw.
 */
export const arm = async (
  redis: Redis,
  prefixes: readonly string[],
  heard: (keys: readonly Buffer[] | undefined) => void,
): Promise<void> => {
  // `message` would join the keys with commas; a payload that is no list of keys is a flush, whoever sent it.
  redis.on('messageBuffer', (_channel: Buffer, payload: unknown) => {
    heard(Array.isArray(payload) ? payload.filter(Buffer.isBuffer) : undefined)
  })
  await redis.connect()
  const id = await redis.client('ID').catch(refusal('CLIENT ID'))
  const options = prefixes.flatMap(prefix => ['PREFIX', prefix])
  await redis
    .call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', ...options)
    .catch(refusal('CLIENT TRACKING'))
  await redis.subscribe(channel).catch(refusal('SUBSCRIBE'))
}

/** Closes without waiting for the other side: after silence it may never answer. */
export const destroy = (redis: Redis): void => {
  redis.disconnect()
  const stream: typeof redis.stream | undefined = redis.stream
  stream?.destroy()
}
