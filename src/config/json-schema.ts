import type { SchemaNode } from './walk.ts'

/** A text that holds a placeholder may become anything. */
const placeholder = { type: 'string', pattern: '\\$\\{' }
const units = { duration: '^\\d+(ms|s|m|h)$', size: '^(0|\\d+(kb|mb|gb))$' }

/**
 * The schema as JSON Schema (draft 7) for editors: what may be left out is not required, placeholders
 * are welcome, and our own keywords are gone or put in words that every validator knows.
 */
export const writeJsonSchema = (schema: SchemaNode): string =>
  `${JSON.stringify(
    { $schema: 'http://json-schema.org/draft-07/schema#', title: 'claimcheck', ...publish(schema) },
    undefined,
    2,
  )}\n`

const publish = (node: SchemaNode): Record<string, unknown> => {
  const { shape, naming, duration, size, numberOrAuto, example, ...known } = node
  const { description, default: standard, ...rest } = known
  const about = {
    ...(description !== undefined && { description }),
    ...(standard !== undefined && { default: standard }),
    ...(example !== undefined && { examples: [example] }),
  }
  if (duration)
    return { ...about, anyOf: [{ type: 'string', pattern: units.duration }, placeholder] }
  if (size)
    return { ...about, anyOf: [{ const: 0 }, { type: 'string', pattern: units.size }, placeholder] }
  if (numberOrAuto) {
    const number = { type: 'integer', minimum: 1, maximum: numberOrAuto.most }
    return { ...about, anyOf: [{ const: 'auto' }, number, placeholder] }
  }
  if (node.enum || node.type === 'boolean' || node.type === 'integer')
    return { ...about, anyOf: [rest, placeholder] }
  return {
    ...about,
    ...rest,
    ...(node.required && {
      required: node.required.filter(key => node.properties?.[key]?.default === undefined),
    }),
    ...(node.properties && { properties: publishAll(node.properties) }),
    ...(node.patternProperties && { patternProperties: publishAll(node.patternProperties) }),
    ...(node.items && { items: publish(node.items) }),
  }
}

const publishAll = (nodes: Readonly<Record<string, SchemaNode>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(nodes).map(([key, node]) => [key, publish(node)]))
