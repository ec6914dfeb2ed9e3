import type { SchemaNode } from './walk.ts'
import { anyOf } from './words.ts'

const introduction = `# Configuration

One file, \`claimcheck.yaml\` by default. It is YAML 1.2, so JSON will do too. \`claimcheck check\` names every mistake
with its place; the gateway does not start before there is none. A key that is not on this page is a mistake.

- \`\${NAME}\` is the environment variable of that name, \`\${file:/run/secrets/x}\` the content of a file (without the
  line break at its end). Both work in any value, alone or within a text, and are filled in after the YAML was read.
  One that is not there is a mistake. \`$\${\` stands for the characters \`\${\`. Between \`{ }\` and \`[ ]\`, put quotes
  around them: \`admin: { token: "\${ADMIN_TOKEN}" }\`.
- A duration is a whole number with its unit: \`500ms\`, \`30s\`, \`15m\`, \`12h\`. So is a size: \`64kb\` (1 kb is 1024
  bytes), \`10mb\`, \`1gb\`.
- A JSON Pointer (RFC 6901) leads to a value in JSON: \`/realm_access/roles\`.
- File names are relative to the folder of the config file.

[claimcheck.schema.json](claimcheck.schema.json) is the same as a JSON Schema. Editors with the YAML language server
complete and check a file that begins with \`# yaml-language-server: $schema=…/claimcheck.schema.json\`.

This page is written from the schema by \`npm run docs\`.
`

/** The reference page: a table for each map of the schema, in the order of the schema. */
export const writeReference = (schema: SchemaNode): string =>
  [introduction, ...sections(schema, '')].join('\n')

/** The map that a key leads to, by itself, in a list or under free names; with what to write behind the key. */
const mapOf = (node: SchemaNode): { map: SchemaNode; suffix: string } | undefined => {
  if (node.properties) return { map: node, suffix: '' }
  if (node.items?.properties) return { map: node.items, suffix: '[]' }
  const [entry] = Object.values(node.patternProperties ?? {})
  return entry?.properties && { map: entry, suffix: '.<name>' }
}

const sections = (map: SchemaNode, path: string): string[] => {
  const keys = Object.entries(map.properties ?? {})
  const rows = keys.map(([key, node]) => row(key, node, path, isRequired(map, key)))
  const nested = keys.flatMap(([key, node]) => {
    const below = mapOf(node)
    if (below === undefined) return []
    const name = `${path}${key}${below.suffix}`
    const lead = `${'#'.repeat(Math.min(2 + path.split('.').length - 1, 4))} \`${name}\`\n`
    return [
      lead,
      ...(node.description ? [`${sentence(node.description)}\n`] : []),
      ...sections(below.map, `${name}.`),
    ]
  })
  const table = ['| key | value | default | |', '| --- | --- | --- | --- |', ...rows].join('\n')
  return [`${table}\n`, ...nested]
}

const isRequired = (map: SchemaNode, key: string): boolean =>
  (map.required ?? []).includes(key) && map.properties?.[key]?.default === undefined

const row = (key: string, node: SchemaNode, path: string, required: boolean): string => {
  const below = mapOf(node)
  const standard = required
    ? '**required**'
    : node.default === undefined || below
      ? ''
      : code(node.default)
  const example = node.example === undefined ? '' : `. E.g. ${code(node.example)}`
  const meaning = below
    ? `[below](#${anchor(`${path}${key}${below.suffix}`)})`
    : `${node.description}${example}`
  return `| ${[`\`${key}\``, kind(node), standard, meaning].map(cell).join(' | ')} |`
}

const kind = (node: SchemaNode): string => {
  if (node.enum) return anyOf(node.enum.map(word => `\`${word}\``))
  if (node.duration) return 'duration'
  if (node.size) return 'size'
  if (node.numberOrAuto) return '`auto` or a whole number'
  if (node.items) return node.items.properties ? 'list of maps' : 'list'
  if (node.patternProperties) return 'map by name'
  switch (node.type) {
    case 'boolean':
      return '`true` or `false`'
    case 'integer':
      return 'whole number'
    case 'object':
      return 'map'
    default:
      return 'text'
  }
}

const code = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `\`${text.replaceAll('","', '", "')}\``
}

const sentence = (text: string): string => (text.endsWith('.') ? text : `${text}.`)
const cell = (text: string): string => text.replaceAll('|', '\\|')

/** How GitHub makes the anchor of a heading. */
const anchor = (heading: string): string => heading.toLowerCase().replace(/[^a-z0-9_ -]/g, '')
