import type { ErrorObject } from 'ajv'
import { type Problem, pointer } from './problem.ts'
import { shapes } from './shapes.ts'
import { suggest } from './suggest.ts'
import { parseDuration } from './units.ts'
import { fieldsOf, type SchemaNode, schemaAt } from './walk.ts'
import { anyOf } from './words.ts'

/** A finding of Ajv in our words. They never quote a value, which may be a secret. */
export const explain = (schema: SchemaNode, finding: ErrorObject): Problem => {
  const { keyword, instancePath: path, data } = finding
  const { additionalProperty: unknown, missingProperty: missing } = finding.params
  const node = schemaAt(schema, path) ?? {}
  if (keyword === 'additionalProperties') {
    const key = String(unknown)
    return { path: path + pointer(key), message: node.naming ?? unknownKey(key, node, schema) }
  }
  if (keyword === 'required') {
    const key = String(missing)
    const description = node.properties?.[key]?.description ?? ''
    return { path: path + pointer(key), message: `is missing: ${lowerFirst(description)}` }
  }
  if (keyword === 'minItems') return { path, message: 'must have at least one entry' }
  return { path, message: wanted(node, data) + (data === null ? '; it is empty' : '') }
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

const unknownKey = (key: string, node: SchemaNode, schema: SchemaNode): string => {
  const similar = suggest(key, Object.keys(node.properties ?? {}))
  if (similar !== undefined) return `is not a key here; did you mean ${similar}?`
  const homes = [...fieldsOf(schema)]
    .filter(field => field.key === key)
    .map(({ parents }) =>
      parents.length === 0 ? 'at the top level' : `under ${pointer(...parents)}`,
    )
  return homes.length === 0 ? 'is not a key here' : `is not a key here; it belongs ${anyOf(homes)}`
}

const wanted = (node: SchemaNode, data: unknown): string => {
  if (node.shape && typeof data === 'string')
    return shapes[node.shape](data) ?? 'must be something else'
  if (node.duration) {
    const { least, most } = node.duration
    return typeof data === 'string' && parseDuration(data) !== undefined
      ? `must be ${least === undefined ? 'more than zero' : `at least ${least}`} and at most ${most}`
      : 'must be a duration such as 500ms, 30s, 15m or 12h'
  }
  if (node.numberOrAuto)
    return `must be auto, or a whole number from 1 to ${node.numberOrAuto.most}`
  if (node.size) return 'must be 0 or a size such as 64kb or 10mb'
  if (node.enum) return `must be ${anyOf(node.enum)}`
  switch (node.type) {
    case 'string':
      return 'must be a text; put it into quotes'
    case 'integer':
      return `must be a whole number, ${node.minimum} or more`
    case 'boolean':
      return 'must be true or false'
    case 'array':
      return 'must be a list'
    case 'object':
      return 'must be a map of keys'
    default:
      return 'must be a text, a number, true or false'
  }
}
