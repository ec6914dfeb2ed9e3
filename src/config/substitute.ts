import { resolve } from 'node:path'
import type { ConfigDocument } from './document.ts'
import { readText } from './files.ts'
import type { Problem } from './problem.ts'
import { type SchemaNode, schemaAt } from './walk.ts'

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder of the config file, to which relative paths refer. */
  readonly folder: string
}

const placeholder = /\$\$\{|\$\{(?<inside>[^{}]*)\}|\$\{/g

/**
 * Replaces `${NAME}` and `${file:/path}` in all texts that are values, once and after parsing, so that
 * what is put in cannot add keys. `$${` stands for `${`. No problem quotes what was put in.
 */
export const substitute = (
  document: ConfigDocument,
  schema: SchemaNode,
  { env, folder }: Surroundings,
): Problem[] => {
  const problems: Problem[] = []

  const fill = (inside: string | undefined): { value: string } | { problem: string } => {
    if (inside?.startsWith('file:')) {
      const name = inside.slice('file:'.length)
      const file = readText(resolve(folder, name))
      return file.kind === 'text'
        ? { value: file.text.replace(/\r?\n$/, '') }
        : { problem: `needs the file ${name}, but ${file.reason}` }
    }
    if (inside === undefined || !/^[A-Za-z_]\w*$/.test(inside))
      return {
        problem: `has a \${ that is neither \${NAME} nor \${file:/path}; write $\${ for the characters`,
      }
    const value = env[inside]
    return value === undefined
      ? { problem: `needs the environment variable ${inside}, which is not set` }
      : { value }
  }

  document.mapTexts((text, path) => {
    const filled = text.replace(placeholder, (match, inside: string | undefined) => {
      if (match === '$${') return '${'
      const result = fill(inside)
      if ('value' in result) return result.value
      problems.push({ path, message: result.problem })
      return match
    })
    return /^\$\{[^{}]*\}$/.test(text) ? asType(filled, schemaAt(schema, path)?.type) : filled
  })
  return problems
}

/** A text that stands for a whole value is a number or a boolean where the schema wants one. */
const asType = (text: string, type: SchemaNode['type']): string | number | boolean => {
  if (type === 'boolean' && /^(?:true|false)$/.test(text)) return text === 'true'
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  return text
}
