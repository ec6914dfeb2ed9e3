import { ask } from './ask.ts'
import type { Redis } from './client.ts'

/** The names of the keys that match a glob pattern, in pages; a name may come twice. */
export async function* scan(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  let cursor = '0'
  do {
    const [next, names] = await ask(redis.scan(cursor, 'MATCH', pattern, 'COUNT', 500))
    if (names.length > 0) yield names
    cursor = next
  } while (cursor !== '0')
}
