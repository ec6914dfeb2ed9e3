import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLError,
} from 'yaml'
import { type Place, type PlacedProblem, pointer } from './problem.ts'

export interface ConfigDocument {
  /** What is wrong with the YAML itself. */
  readonly problems: readonly PlacedProblem[]
  /** The content as plain JSON, no part of it shared; undefined where it cannot be read. */
  toJSON(): unknown
  /** Replaces every text that is a value; keys stay as they are. `path` is a JSON Pointer. */
  mapTexts(map: (text: string, path: string) => unknown): void
  /** Where a path, or else the nearest thing above it, is in the file. Of a map's entry it is the key. */
  locate(path: string): Place | undefined
}

/** Reads YAML 1.2 (core schema, one document, keys unique), of which JSON is a part. Does not throw. */
export const parseConfig = (source: string): ConfigDocument => {
  const lines = new LineCounter()
  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false, // pretty ones quote the file, which may hold secrets
    resolveKnownTags: false,
    stringKeys: true,
    schema: 'core', // whatever a %YAML directive says
  })
  const { offsets, texts, dangling } = index(document)
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const problems: PlacedProblem[] = []
  const report = (offset: number, path: string, message: string) =>
    problems.push({ ...placeOf(offset), path, message })

  const isDouble = ({ code }: YAMLError): boolean => code === 'DUPLICATE_KEY'
  const doubles = new Set(document.errors.filter(isDouble).map(({ pos }) => pos[0]))
  for (const [path, offset] of offsets)
    if (doubles.has(offset)) report(offset, path, 'is there twice')
  // One error of syntax is often the cause of all that follow.
  const [first] = [...document.errors.filter(error => !isDouble(error)), ...document.warnings]
  if (first) report(first.pos[0], '', explain(first, source))
  for (const [path, offset] of dangling)
    report(offset, path, 'is an alias (*) without an anchor (&)')

  const toJSON = (): unknown => {
    if (first || dangling.size > 0) return undefined
    try {
      return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 100 }) ?? {}))
    } catch {
      report(0, '', 'has aliases (*) that expand to too much, or to themselves')
      return undefined
    }
  }
  const mapTexts: ConfigDocument['mapTexts'] = map => {
    for (const [path, scalar] of texts) scalar.value = map(String(scalar.value), path)
  }
  const locate = (path: string): Place | undefined => {
    const offset = offsets.get(path)
    if (offset !== undefined) return placeOf(offset)
    return path === '' ? undefined : locate(path.slice(0, path.lastIndexOf('/')))
  }
  return { problems, toJSON, mapTexts, locate }
}

/** Where everything is in the file, by path. */
const index = (document: Document.Parsed) => {
  const offsets = new Map<string, number>()
  const texts = new Map<string, Scalar>()
  const dangling = new Map<string, number>()

  const enter = (node: ParsedNode | null, path: string, offset: number) => {
    offsets.set(path, offset)
    if (isMap(node)) {
      for (const { key, value } of node.items)
        if (isScalar(key)) enter(value, path + pointer(String(key.value)), key.range[0])
    } else if (isSeq(node)) {
      node.items.forEach((item, at) => {
        enter(item, path + pointer(at), item.range[0])
      })
    } else if (isScalar(node) && typeof node.value === 'string') texts.set(path, node)
    else if (isAlias(node) && node.resolve(document) === undefined) dangling.set(path, offset)
  }
  const root = document.contents
  if (root) enter(root, '', root.range[0])
  return { offsets, texts, dangling }
}

/** The library's words, where they would quote the file or say little, in ours. */
const explain = ({ code, message, pos }: YAMLError, source: string): string => {
  if (source.slice(pos[0] - 1, pos[0] + 1) === '${')
    return `a \${…} between { } or [ ] needs quotes, as in { token: "\${TOKEN}" }`
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; a config file is one document'
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'is not YAML from here on: check the indentation, and put values with ": " into quotes'
    case 'NON_STRING_KEY':
      return 'a key must be a text: put it into quotes'
    case 'TAG_RESOLVE_FAILED':
      return 'tags (!) mean nothing here'
    case 'UNEXPECTED_TOKEN':
      return 'is not YAML from here on: check brackets, quotes and indentation'
    default:
      return `is not YAML from here on: ${message}`
  }
}
