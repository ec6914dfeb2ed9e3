import { hash } from 'node:crypto'
import { ask } from '../redis/ask.ts'
import type { Redis } from '../redis/client.ts'
import type { Keys } from '../session/keys.ts'
import { createSealer } from '../session/seal.ts'

/** Milliseconds for which a started log-in or log-out is remembered. */
export const transactionLife = 10 * 60_000

interface Parts {
  readonly redis: Redis
  readonly keys: Keys
  readonly secrets: readonly string[]
}

export type SingleUse = ReturnType<typeof createSingleUse>

const noLine = Buffer.alloc(0)

/**
 * What a browser that was sent to the provider must come back to: kept in Redis for ten minutes under
 * a hash of its `state`, sealed under its login cookie, and given out once. A thief of either half,
 * or of Redis, has nothing (RFC 9700 section 4.7). `purpose` keeps a log-out from answering a log-in.
 */
export const createSingleUse = ({ redis, keys, secrets }: Parts, purpose: 'login' | 'logout') => {
  const sealer = createSealer(secrets, purpose)
  const keyOf = (state: string) => keys.login(hash('sha256', state))

  const put = async (loginCookie: string, state: string, value: object): Promise<void> => {
    const key = keyOf(state)
    const sealed = sealer.seal(loginCookie, key, noLine, Buffer.from(JSON.stringify(value)))
    await ask(redis.set(key, sealed, 'PX', transactionLife, 'NX'))
  }

  /** Gone from Redis afterwards, whoever asked. Undefined where it was not there or not for this cookie. */
  const take = async (loginCookie: string, state: string): Promise<unknown> => {
    const key = keyOf(state)
    const sealed = await ask(redis.getdelBuffer(key))
    const plain = sealed === null ? undefined : sealer.open(loginCookie, key, noLine, sealed)
    return plain === undefined ? undefined : JSON.parse(plain.toString())
  }

  return { put, take }
}
