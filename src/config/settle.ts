import { resolve } from 'node:path'
import { readText } from './files.ts'
import { type Problem, pointer } from './problem.ts'
import { type Config, logLevels } from './schema.ts'
import type { Surroundings } from './substitute.ts'
import { anyOf } from './words.ts'

/**
 * Completes a config with what lies around it, in place: file names become absolute, from the folder
 * of the config file, and LOG_LEVEL overrides the log level.
 */
export const settle = (config: Config, { env: { LOG_LEVEL }, folder }: Surroundings): Problem[] => [
  ...settleFiles(config, folder),
  ...settleLevel(config, LOG_LEVEL),
]

function* settleFiles({ log, redis, upstreams }: Config, folder: string): Generator<Problem> {
  redis.dataDir = resolve(folder, redis.dataDir)
  if (log.audit !== undefined) log.audit = resolve(folder, log.audit)
  for (const [name, { tls }] of Object.entries(upstreams))
    for (const key of ['ca', 'cert', 'key'] as const) {
      if (tls?.[key] === undefined) continue
      tls[key] = resolve(folder, tls[key])
      const file = readText(tls[key])
      if (file.kind === 'unreadable')
        yield {
          path: pointer('upstreams', name, 'tls', key),
          message: `cannot be read: ${file.reason}`,
        }
    }
}

function* settleLevel({ log }: Config, wanted = ''): Generator<Problem> {
  const level = logLevels.find(known => known === wanted)
  if (level !== undefined) log.level = level
  else if (wanted !== '')
    yield {
      path: '/log/level',
      message: `is overridden by the environment variable LOG_LEVEL, which must be ${anyOf(logLevels)}`,
    }
}
