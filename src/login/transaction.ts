import { hash } from 'node:crypto'
import { ask, clockOf } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import type { Keys } from '../session/keys.ts'
import { isHandle } from '../session/ticket.ts'
import { createSingleUse, transactionLife } from './single-use.ts'

/** A started login. */
export interface Transaction {
  /** PKCE's (RFC 7636). */
  readonly verifier: string
  readonly nonce: string
  /** A local path. */
  readonly returnTo: string
  /** Redis milliseconds: a log-out at or after this moment refuses the login. */
  readonly startedAt: number
  /** Handle of the session that the browser presented. */
  readonly presented?: string
  /** One of these is demanded of the ID token's `acr`. */
  readonly acr?: readonly string[]
  /** Seconds since the person proved who they are, at most. */
  readonly maxAge?: number
}

export type Transactions = ReturnType<typeof createTransactions>

interface Parts {
  readonly redis: Redis
  readonly keys: Keys
  readonly secrets: readonly string[]
}

/**
 * The started logins. Beside each there is, under a hash of the login cookie, the handle of the
 * session that this browser's last finished login made: whatever the order in which its tabs finish,
 * the next one finds and ends it. All failures of Redis are `redis_unavailable`.
 */
export const createTransactions = (parts: Parts) => {
  const { redis, keys } = parts
  const transactions = createSingleUse(parts, 'login')
  const lastOf = (loginCookie: string) => keys.login(hash('sha256', loginCookie))

  return {
    begin: async (
      loginCookie: string,
      state: string,
      transaction: Omit<Transaction, 'startedAt'>,
    ): Promise<void> => {
      const [startedAt] = await Promise.all([
        clockOf(redis),
        // As long as any login of this cookie may take, its last session is remembered.
        ask(redis.pexpire(lastOf(loginCookie), transactionLife)),
      ])
      await transactions.put(loginCookie, state, { ...transaction, startedAt })
    },

    /** Once: undefined where it is unknown, over, already taken, or another browser's. */
    take: async (loginCookie: string, state: string): Promise<Transaction | undefined> => {
      const value = await transactions.take(loginCookie, state)
      return isTransaction(value) ? value : undefined
    },

    /** The handle of the session that an earlier callback of this login cookie made. */
    last: async (loginCookie: string): Promise<string | undefined> =>
      handleIn(await ask(redis.get(lastOf(loginCookie)))),

    /** Remembers the session just made, and answers the one that was remembered until then. */
    swapLast: async (loginCookie: string, handle: string): Promise<string | undefined> =>
      handleIn(await ask(redis.set(lastOf(loginCookie), handle, 'PX', transactionLife, 'GET'))),
  }
}

const handleIn = (value: string | null): string | undefined =>
  value !== null && isHandle(value) ? value : undefined

/** Opened under the cookie, so of our own making: only a version from the future could look different. */
const isTransaction = (value: unknown): value is Transaction =>
  typeof value === 'object' &&
  value !== null &&
  'verifier' in value &&
  'nonce' in value &&
  'returnTo' in value &&
  'startedAt' in value
