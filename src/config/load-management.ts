import { dirname, normalize, resolve } from 'node:path'
import { parseConfig } from './document.ts'
import { readText } from './files.ts'
import { formatProblem, isWithin, type PlacedProblem, place } from './problem.ts'
import { rules } from './rules.ts'
import { type Config, ConfigSchema } from './schema.ts'
import { settle } from './settle.ts'
import { type Surroundings, substitute } from './substitute.ts'
import { validate } from './validate.ts'

/** What session management needs of a config: where the sessions are, how long they idle, where it is audited. */
export type ManagementConfig = Pick<Config, 'redis' | 'session' | 'log'>

export type LoadedManagement =
  | { readonly kind: 'config'; readonly config: ManagementConfig }
  /** One line each, as those of `loadConfig`. */
  | { readonly kind: 'problems'; readonly lines: readonly string[] }

/** Everything else may be wrong or missing: whoever ends a session by hand may lack the secrets of the gateway. */
const needed = ['/redis', '/session/idleTimeout', '/session/absoluteTimeout', '/log/audit']

const recordIn = (value: unknown, key: string): Record<string, unknown> => {
  const found: unknown = Object.getOwnPropertyDescriptor(Object(value), key)?.value
  return typeof found === 'object' && found !== null ? { ...found } : {}
}

const pick = (record: Record<string, unknown>, ...keys: readonly string[]) =>
  Object.fromEntries(keys.flatMap(key => (Object.hasOwn(record, key) ? [[key, record[key]]] : [])))

/** A URL from the command line; `${NAME}` and `${file:…}` keep its password out of the list of processes. */
const filled = (url: string, surroundings: Surroundings) => {
  const document = parseConfig(JSON.stringify({ redis: { url } }))
  const problems = substitute(document, ConfigSchema, surroundings)
  return { url: recordIn(document.toJSON(), 'redis')['url'], problems }
}

/**
 * Reads of a config file what session management needs, and nothing else. `redisUrl` takes the place of
 * `redis.url`.
 */
export const loadManagement = (
  file: string,
  env: Surroundings['env'],
  redisUrl?: string,
): LoadedManagement => {
  const name = normalize(file)
  const source = readText(file)
  if (source.kind === 'unreadable') {
    return { kind: 'problems', lines: [`${name}: cannot be read: ${source.reason}`] }
  }
  const document = parseConfig(source.text)
  const surroundings = { env, folder: dirname(resolve(file)) }
  const unfilled = substitute(document, ConfigSchema, surroundings)
  const value = document.toJSON()

  const given = redisUrl === undefined ? undefined : filled(redisUrl, surroundings)
  const redis = { ...recordIn(value, 'redis'), ...(given && { url: given.url }) }
  const checked = validate({
    ...{ publicUrl: 'http://localhost', routes: [{ path: '/', upstream: 'http://127.0.0.1' }] },
    redis,
    session: pick(recordIn(value, 'session'), 'idleTimeout', 'absoluteTimeout'),
    log: pick(recordIn(value, 'log'), 'audit'),
  })
  const unset = [
    ...(given === undefined ? unfilled : unfilled.filter(({ path }) => path !== '/redis/url')),
    ...(given?.problems ?? []),
  ]
  const flawed =
    checked.kind === 'refused'
      ? checked.problems.filter(({ path }) => !unset.some(other => other.path === path))
      : [...settle(checked.config, { ...surroundings, env: {} }), ...rules(checked.config)]
  const flaws = [...unset, ...flawed].filter(({ path }) =>
    needed.some(part => isWithin(path, part)),
  )

  const line = (problem: PlacedProblem): string =>
    given !== undefined && problem.path === '/redis/url'
      ? `--redis: ${problem.message}`
      : formatProblem(name, problem)
  const problems = [...document.problems, ...flaws]
  return problems.length > 0 || checked.kind === 'refused'
    ? { kind: 'problems', lines: place(problems, document.locate).map(line) }
    : { kind: 'config', config: checked.config }
}
