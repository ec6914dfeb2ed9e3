import { isDeepStrictEqual } from 'node:util'
import { pointer } from './problem.ts'
import type { Config } from './schema.ts'

/** What listeners, the link to Redis and stored sessions are made from: it holds as long as the process. */
const fixed = ({ publicUrl, listen, workers, admin, authPath, log, redis, session }: Config) => {
  const { sealSecrets: _, ...lasting } = session
  return {
    ...{ publicUrl, listen, workers, authPath },
    admin: { listen: admin.listen },
    log: { audit: log.audit },
    ...{ redis, session: lasting },
  }
}

/** The keys (JSON Pointers) that differ and cannot change at run time. */
export const fixedChanges = (before: Config, after: Config): string[] => {
  const old: [string, unknown][] = Object.entries(fixed(before))
  const wanted = new Map<string, unknown>(Object.entries(fixed(after)))
  return old.flatMap(([key, value]) => {
    const other = wanted.get(key)
    if (isDeepStrictEqual(value, other)) return []
    if (!isMap(value) || !isMap(other)) return [pointer(key)]
    const names = new Set([...Object.keys(value), ...Object.keys(other)])
    return [...names]
      .filter(name => !isDeepStrictEqual(value[name], other[name]))
      .map(name => pointer(key, name))
  })
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
