import { hash } from 'node:crypto'
import { ask } from './ask.ts'
import type { Redis } from './client.ts'

/** Lua that Redis runs as one atomic step. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

/** A script of that text. */
export const createScript = (lua: string): Script => ({ lua, sha: hash('sha1', lua) })

/**
 * Runs a script by its hash, or by its text where Redis does not know it yet. Strings in the answer are
 * Buffers. A failure is `redis_unavailable`.
 */
export const run = (
  redis: Redis,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[] = [],
): Promise<unknown> => {
  const parameters = [keys.length, ...keys, ...args]
  const reply = redis.callBuffer('EVALSHA', sha, ...parameters).catch((error: Error) => {
    if (!error.message.startsWith('NOSCRIPT')) throw error
    return redis.callBuffer('EVAL', lua, ...parameters)
  })
  return ask(reply)
}

/** The elements of a script's answer; none where it is no list. */
export const listIn = (reply: unknown): unknown[] => (Array.isArray(reply) ? reply : [])
