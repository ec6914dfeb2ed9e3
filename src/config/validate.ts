import { Ajv, type SchemaValidateFunction } from 'ajv'
import { explain } from './explain.ts'
import type { Problem } from './problem.ts'
import { type Config, ConfigSchema } from './schema.ts'
import { type ShapeName, shapes } from './shapes.ts'
import { type DurationLimits, parseCount, parseSize, parseWithin } from './units.ts'

const ajv = new Ajv({ allErrors: true, useDefaults: true, verbose: true, allowUnionTypes: true })
ajv.addVocabulary(['example', 'naming'])

ajv.addKeyword({
  keyword: 'shape',
  type: 'string',
  validate: (name: ShapeName, text: string) => shapes[name](text) === undefined,
})

type Place = Parameters<SchemaValidateFunction>[3]

/** Puts the number where the text was. */
const replace = (value: number | undefined, at: Place): boolean => {
  if (value === undefined || at === undefined) return false
  at.parentData[at.parentDataProperty] = value
  return true
}

ajv.addKeyword({
  keyword: 'duration',
  type: 'string',
  modifying: true,
  validate: (limits: DurationLimits, text: string, _schema?: object, at?: Place) =>
    replace(parseWithin(limits, text), at),
})
ajv.addKeyword({
  keyword: 'size', // without a type: a typed one would run a second time on its own result
  modifying: true,
  validate: (_: true, value: unknown, _schema?: object, at?: Place) =>
    replace(parseSize(String(value)), at),
})

ajv.addKeyword({
  keyword: 'numberOrAuto', // without a type, as `size`
  modifying: true,
  validate: ({ most }: { most: number }, value: unknown, _schema?: object, at?: Place) =>
    value === 'auto' || replace(parseCount(String(value), most), at),
})

const accepts = ajv.compile<Config>(ConfigSchema)

export type Validated =
  | { kind: 'config'; config: Config }
  | { kind: 'refused'; problems: readonly Problem[] }

/**
 * Checks each value by itself against the schema, fills in the defaults, and turns durations into
 * milliseconds and sizes into bytes. The value stays as it was; the config is a copy.
 */
export const validate = (value: unknown): Validated => {
  const config: unknown = structuredClone(value)
  if (accepts(config)) return { kind: 'config', config }
  const problems = new Map<string, Problem>()
  accepts.errors?.forEach(error => {
    const problem = explain(ConfigSchema, error)
    if (!problems.has(problem.path)) problems.set(problem.path, problem)
  })
  return { kind: 'refused', problems: [...problems.values()] }
}
