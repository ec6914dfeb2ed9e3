import type { Redis } from 'ioredis'
import { refusal } from './announcements.ts'
import { within } from './patience.ts'

export interface CanaryOptions {
  readonly data: Redis
  /** A key of this process alone. */
  readonly key: string
  /** Milliseconds to wait for the answer, and as many for the announcement. */
  readonly patience: number
}

/** Time to live of the key, in milliseconds: far above the pause between two canaries. */
const life = 60_000

/**
 * Writes on the data connection and waits for the announcement on the other. Heard, it proves that both
 * lead to one server, that it takes writes (no replica, not cut off from its replicas), and that nothing
 * on the way eats announcements.
 */
export const createCanary = ({ data, key, patience }: CanaryOptions) => {
  let arrived = () => {}

  /** PEXPIRE first, because a full server refuses SET but not PEXPIRE. */
  const write = async () => {
    if ((await data.pexpire(key, life)) === 1) return
    await data.set(key, '1', 'PX', life)
  }
  return {
    /** A write of the key was announced. */
    heard: (): void => arrived(),
    /** Milliseconds from the write to its announcement; undefined where none came though the write was made. */
    send: async (signal: AbortSignal): Promise<number | undefined> => {
      const announced = new Promise<true>(resolve => {
        arrived = () => resolve(true)
      })
      const sent = performance.now()
      await within(write().catch(refusal('canary')), patience, 'answer to the canary', signal)
      const deaf = () => {
        signal.throwIfAborted()
        return undefined
      }
      const there = await within(announced, patience, 'announcement', signal).catch(deaf)
      return there && performance.now() - sent
    },
  }
}
