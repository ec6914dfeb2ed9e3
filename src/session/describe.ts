import type { Redis } from '../redis/client.ts'
import { listIn, run } from '../redis/script.ts'
import { scripts } from '../redis/scripts.ts'
import { chunks } from './chunks.ts'
import type { Keys } from './keys.ts'
import { type Meta, parseLine } from './record.ts'
import { isHandle } from './ticket.ts'

interface Describing {
  readonly redis: Redis
  readonly keys: Keys
}

/** What can be known of a session without its ticket. */
export interface Described {
  readonly handle: string
  /** Undefined where the record is gone or its clear line cannot be read. */
  readonly meta: Meta | undefined
  /** When the record goes by itself, in Redis milliseconds; `gone` where there is none. */
  readonly idleExpires: number
}

/** What PEXPIRETIME answers for a key that does not exist. */
export const gone = -2

/** The handles in the names of records; other names are left out. */
export const handlesIn = (keys: Keys, records: readonly string[]): string[] =>
  records
    .map(record => keys.handleOfKey(record))
    .filter((handle): handle is string => handle !== undefined && isHandle(handle))

/** The clear line in a script's answer. */
export const metaIn = (reply: unknown): Meta | undefined =>
  Buffer.isBuffer(reply) ? parseLine(reply) : undefined

/** Reads the clear lines of any number of sessions, dead or alive, in their order. */
export const describe = async (
  { redis, keys }: Describing,
  handles: readonly string[],
): Promise<Described[]> => {
  const described: Described[] = []
  for (const chunk of chunks(handles)) {
    const reply = await run(
      redis,
      scripts.describe,
      chunk.map(handle => keys.session(handle)),
    )
    const lines = listIn(reply)
    for (const [index, handle] of chunk.entries()) {
      const [line, idleExpires] = lines.slice(2 * index, 2 * index + 2)
      described.push({ handle, meta: metaIn(line), idleExpires: Number(idleExpires) })
    }
  }
  return described
}
