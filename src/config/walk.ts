import { keysOf } from './problem.ts'
import type { ShapeName } from './shapes.ts'
import type { DurationLimits } from './units.ts'

/** What there is to see in any part of the schema, whatever it describes. */
export interface SchemaNode {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly example?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly required?: readonly string[] | undefined
  readonly minimum?: number
  readonly minItems?: number
  /** How the names in a map with free names have to be, in words. */
  readonly naming?: string
  readonly shape?: ShapeName
  readonly duration?: DurationLimits
  readonly size?: boolean
  /** A whole number from 1 on, or `auto`. */
  readonly numberOrAuto?: { readonly most: number }
  /** What TypeBox marks `Type.Unsafe` with, of which it says nothing else. */
  readonly '~unsafe'?: unknown
}

/** The schema of what is in a map with free names, or in a list. */
const entryOf = ({ items, patternProperties }: SchemaNode): SchemaNode | undefined =>
  items ?? Object.values(patternProperties ?? {})[0]

/** The schema of what a path (JSON Pointer) leads to; undefined where the schema knows nothing like it. */
export const schemaAt = (root: SchemaNode, path: string): SchemaNode | undefined =>
  keysOf(path).reduce<SchemaNode | undefined>((node, key) => {
    if (node?.properties)
      return Object.hasOwn(node.properties, key) ? node.properties[key] : undefined
    return node && entryOf(node)
  }, root)

export interface Field {
  readonly key: string
  /** Of the map that has the key: its keys, with `*` for a name or an index. */
  readonly parents: readonly string[]
  readonly node: SchemaNode
  readonly required: boolean
}

/** Every key there is, a map before what is in it. */
export function* fieldsOf(node: SchemaNode, parents: readonly string[] = []): Generator<Field> {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const required = (node.required ?? []).includes(key) && child.default === undefined
    yield { key, parents, node: child, required }
    yield* fieldsOf(child, [...parents, key])
  }
  const entry = entryOf(node)
  if (entry) yield* fieldsOf(entry, [...parents, '*'])
}
