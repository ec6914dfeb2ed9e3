import type { Pointer } from './pointer.ts'

/** JSON as it was before the cut, parsed, and its text without what was cut. */
export interface CutJson {
  readonly kind: 'cut'
  readonly value: unknown
  readonly text: string
}

export interface UnreadableJson {
  readonly kind: 'refused'
  readonly reason: string
}

interface Span {
  readonly from: number
  readonly to: number
}

/** The pointers to be cut, as the tree that they make. */
interface Branch {
  cut: boolean
  readonly next: Map<string, Branch>
}

interface Container {
  readonly object: boolean
  readonly branch: Branch | undefined
  /** The members or elements so far, kept only where a pointer leads into this container. */
  readonly parts: Part[]
  keys: Set<string> | undefined
  /** Where the current member or element began: -1 before its first character. */
  start: number
  index: number
  current: Branch | undefined
}

interface Part extends Span {
  readonly cut: boolean
}

const deepest = 64
const space = /[ \t\n\r]/
const loneSurrogate = /\p{Surrogate}/u

/**
 * Reads JSON (RFC 8259) and cuts the members and elements that the pointers name out of its text,
 * each with one comma and the white space at it; every other character stays as it was. A pointer
 * that leads nowhere cuts nothing. Refused is what two parsers could read differently: duplicate
 * keys (compared unescaped, section 4), lone surrogates (section 8.2), a byte order mark, and more
 * than 64 levels. Linear in the length of the text.
 */
export const cutJson = (text: string, pointers: readonly Pointer[]): CutJson | UnreadableJson => {
  if (loneSurrogate.test(text)) return refused('has a lone surrogate')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Not the parser's message: it quotes the text, and so perhaps a token.
    return refused('is not JSON')
  }
  const spans = findSpans(text, branchOf(pointers))
  return Array.isArray(spans) ? { kind: 'cut', value, text: without(text, spans) } : spans
}

const refused = (reason: string): UnreadableJson => ({ kind: 'refused', reason })

const branchOf = (pointers: readonly Pointer[]): Branch => {
  const root: Branch = { cut: false, next: new Map() }
  for (const pointer of pointers) {
    let branch = root
    for (const token of pointer) {
      const next = branch.next.get(token) ?? { cut: false, next: new Map() }
      branch.next.set(token, next)
      branch = next
    }
    branch.cut = true
  }
  return root
}

/** Walks text that JSON.parse has accepted: the grammar is not checked again, only followed. */
const findSpans = (text: string, root: Branch): Span[] | UnreadableJson => {
  const spans: Span[] = []
  const outer: Container[] = []
  let inner: Container | undefined
  /** Behind the last character that is not white space. */
  let end = 0

  const begin = (container: Container, at: number, token: string) => {
    container.start = at
    container.current = container.branch?.next.get(token)
  }
  const finish = () => {
    if (inner === undefined || inner.start === -1) return
    if (inner.branch !== undefined) {
      inner.parts.push({ from: inner.start, to: end, cut: inner.current?.cut === true })
    }
    inner.start = -1
    inner.index += 1
  }

  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (space.test(char)) continue
    if (char === ',') {
      finish()
      continue
    }
    if (char === '}' || char === ']') {
      finish()
      if (inner !== undefined) spans.push(...spansOf(inner.parts))
      inner = outer.pop()
      end = at + 1
      continue
    }
    if (inner?.object === false && inner.start === -1) begin(inner, at, String(inner.index))

    if (char === '{' || char === '[') {
      if (inner !== undefined && outer.length + 1 === deepest)
        return refused(`has more than ${deepest} levels`)
      // What lies below a cut goes with it.
      const above: Branch | undefined = inner === undefined ? root : inner.current
      const branch = above?.cut === false && above.next.size > 0 ? above : undefined
      if (inner !== undefined) outer.push(inner)
      inner = containerOf(char === '{', branch)
    } else if (char === '"') {
      const close = closingQuote(text, at)
      const raw = text.slice(at, close + 1)
      const string = raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1)
      if (raw.includes('\\u') && loneSurrogate.test(string)) return refused('has a lone surrogate')
      if (inner?.object === true && inner.start === -1) {
        inner.keys ??= new Set()
        if (inner.keys.has(string)) return refused('has a duplicate key')
        inner.keys.add(string)
        begin(inner, at, string)
      }
      at = close
    }
    end = at + 1
  }
  return spans
}

const containerOf = (object: boolean, branch: Branch | undefined): Container => ({
  object,
  branch,
  parts: [],
  keys: undefined,
  start: -1,
  index: 0,
  current: undefined,
})

const closingQuote = (text: string, open: number): number => {
  let at = open + 1
  while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1
  return at
}

/** What to cut of one container: up to the next part, or behind the last part that stays. */
const spansOf = (parts: readonly Part[]): Span[] => {
  const kept = parts.findLastIndex(part => !part.cut)
  const spans: Span[] = []
  for (const [index, part] of parts.entries()) {
    const next = parts[index + 1]
    if (part.cut && index < kept && next !== undefined) {
      spans.push({ from: part.from, to: next.from })
    }
  }
  const last = parts.at(-1)
  if (last?.cut !== true) return spans
  const [first = last] = parts
  spans.push({ from: parts[kept]?.to ?? first.from, to: last.to })
  return spans
}

const without = (text: string, spans: Span[]): string => {
  let rest = ''
  let at = 0
  for (const span of spans.sort((a, b) => a.from - b.from)) {
    rest += text.slice(at, span.from)
    at = span.to
  }
  return rest + text.slice(at)
}
