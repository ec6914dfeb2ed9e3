/** An answer of the upstream, read to its end. Header block flat: name, value, name, value; values are bytes as latin1. */
export interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

export type Content =
  | { readonly kind: 'empty' }
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'other'; readonly reason: string }
  /** Under a content coding, so that not even a search can see what is in it. */
  | { readonly kind: 'encoded' }

/**
 * Reads the content of an answer. JSON is `application/json` or `+json` in UTF-8 (RFC 8259 section
 * 8.1), decoded strictly; a byte order mark stays in the text.
 */
export const readContent = ({ headers, body }: Answer): Content => {
  if (body.length === 0) return { kind: 'empty' }
  const codings = valuesOf(headers, 'content-encoding').join(',').split(',')
  if (codings.some(coding => !/^(?:identity)?$/i.test(coding.trim()))) return { kind: 'encoded' }
  const [type = '', ...more] = valuesOf(headers, 'content-type')
  if (more.length > 0 || !isJson(type)) {
    return { kind: 'other', reason: 'is neither empty nor JSON in UTF-8' }
  }
  try {
    return { kind: 'json', text: utf8.decode(body) }
  } catch {
    return { kind: 'other', reason: 'is not UTF-8' }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const valuesOf = (headers: readonly string[], name: string): string[] =>
  headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name)

const isJson = (type: string): boolean => {
  const [essence = '', ...parameters] = type
    .toLowerCase()
    .split(';')
    .map(part => part.trim())
  if (!/^(?:application\/json|[\w.!#$&^-]+\/[\w.!#$&^+-]+\+json)$/.test(essence)) return false
  return parameters.every(part => !part.startsWith('charset') || /^charset="?utf-?8"?$/.test(part))
}

/** They speak of the body as it was, or would let a cache keep or match it. */
const dropped = new Set(
  `accept-ranges age cache-control content-digest content-encoding content-length content-md5 digest
   etag expires last-modified repr-digest trailer`.split(/\s+/),
)

export interface CookieRules {
  /** Names that an answer may set; `*` is any but our own. */
  readonly listed: readonly string[]
  /** Names of our own cookies, in lower case. */
  readonly own: ReadonlySet<string>
}

/** The header block of an answer of a capture route without what must not or cannot go on, and `no-store`. */
export const passHeaders = (headers: readonly string[], cookies: CookieRules): string[] => {
  const passed: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const [name = '', value = ''] = headers.slice(i, i + 2)
    const folded = name.toLowerCase()
    if (dropped.has(folded)) continue
    if (folded === 'set-cookie' && !maySet(value, cookies)) continue
    passed.push(name, value)
  }
  passed.push('cache-control', 'no-store')
  return passed
}

/**
 * Only what is a name in every browser's eyes: a cookie without one is sent back as its bare value,
 * which can read as another cookie's pair.
 */
const maySet = (value: string, { listed, own }: CookieRules): boolean => {
  const [, name] = /^[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*=/.exec(value) ?? []
  if (name === undefined || own.has(name.toLowerCase())) return false
  return listed.includes('*') || listed.includes(name)
}
