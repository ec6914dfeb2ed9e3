import type { RedisOptions } from 'ioredis'
import { readAddress } from '../config/addresses.ts'
import { SetupError } from '../errors.ts'

/** Where Redis is and how long to wait for it: what every connection to it is made from. */
export interface RedisPlan {
  /** `redis://`, `rediss://` or `unix://` with credentials; behind Sentinel only its credentials, database and TLS count. */
  readonly url: string
  readonly sentinel?: SentinelPlan | undefined
  /** Milliseconds. */
  readonly commandTimeout: number
}

export interface SentinelPlan {
  readonly name: string
  /** Each `host:port`. */
  readonly nodes: readonly string[]
}

interface Server {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly username?: string
  readonly password?: string
  readonly db: number
  readonly tls: boolean
}

/** A SYN that got lost is sent again after one second. */
const connectTimeout = 2000
const reconnectAtMostEvery = 1000

/** Milliseconds before the nth attempt. For ever: an outage may last. */
export const retryDelay = (attempt: number): number => Math.min(50 * attempt, 500)

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new SetupError('redis.url: the user name or the password holds a broken % escape', {
      cause: error,
    })
  }
}

const credentials = (username = '', password = '') => ({
  ...(username && { username: decode(username) }),
  ...(password && { password: decode(password) }),
})

const readServer = (url: string): Server => {
  const [, user, password, path] = /^unix:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\/.+)$/.exec(url) ?? []
  if (path !== undefined) return { path, db: 0, tls: false, ...credentials(user, password) }

  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const sound =
    parsed !== undefined && /^rediss?:\/\/[^/?#]+(?:\/\d*)?$/.test(url) && parsed.hostname !== ''
  if (!sound)
    throw new SetupError('redis.url must be redis://host:port, rediss://host:port or unix:///path')
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: Number(parsed.port || 6379),
    db: Number(parsed.pathname.slice(1)),
    tls: parsed.protocol === 'rediss:',
    ...credentials(parsed.username, parsed.password),
  }
}

/** A replica that was a master a moment ago says so to every write; elsewhere there is a new master. */
const reconnectWhenDemoted = () => {
  let last = -Infinity
  return (error: Error): boolean => {
    if (!/\bREADONLY\b/.test(error.message)) return false
    const now = performance.now()
    if (now - last < reconnectAtMostEvery) return false
    last = now
    return true
  }
}

/** The nodes of a Sentinel plan as ioredis takes them. Throws `SetupError` for one that is not `host:port`. */
export const sentinelNodes = (sentinel: SentinelPlan): { host: string; port: number }[] =>
  sentinel.nodes.map(node => {
    const address = readAddress(node)
    if (address === undefined) throw new SetupError(`redis.sentinel: ${node} is not host:port`)
    return address
  })

const reachedBy = ({ url, sentinel, commandTimeout }: RedisPlan): RedisOptions => {
  const { tls, ...server } = readServer(url)
  if (sentinel === undefined) return { ...server, ...(tls && { tls: {} }) }
  const { username, password, db } = server
  return {
    ...{ username, password, db },
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
    name: sentinel.name,
    sentinels: sentinelNodes(sentinel),
    sentinelCommandTimeout: commandTimeout,
    sentinelRetryStrategy: retryDelay,
  }
}

/**
 * What every connection has in common: it fails fast, keeps nothing for later, sends nothing twice,
 * and reconnects for ever. Throws `SetupError` for a URL that cannot be used, without quoting it.
 */
export const connectionOptions = (plan: RedisPlan): RedisOptions => ({
  ...reachedBy(plan),
  connectionName: 'claimcheck',
  disableClientInfo: true,
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: retryDelay,
  reconnectOnError: reconnectWhenDemoted(),
  commandTimeout: plan.commandTimeout,
  // Ends a link that went silent, so that what waits in it stays a bounded backlog and is never executed late.
  socketTimeout: 2 * plan.commandTimeout,
  connectTimeout,
  disconnectTimeout: 100,
  maxLoadingRetryTime: 200,
})

/** The server for the log: no credentials. */
export const serverName = ({ url, sentinel }: RedisPlan): string => {
  if (sentinel !== undefined) return `${sentinel.name} at ${sentinel.nodes.join(', ')}`
  return url.replace(/^(\w+:\/\/)(?:[^/]*@)?/, '$1')
}

/** Takes the plan's password out of a text: some servers quote the command that they did not know. */
export const withoutPassword = ({ url }: RedisPlan, text: string): string => {
  const { password } = readServer(url)
  return password === undefined ? text : text.replaceAll(password, '[password]')
}
