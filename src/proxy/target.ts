import { decodeWholly, escapedByte, isUnreserved, readUtf8 } from './escapes.ts'
import { looseForm } from './loose.ts'

export interface Target {
  readonly kind: 'target'
  /** What is matched and forwarded: as sent, with escapes of unreserved characters decoded once. */
  readonly path: string
  /** As sent: empty, or `?` and what follows it. */
  readonly query: string
  /** What the most lenient upstream could take the path for; `=== path` where nothing differs. */
  readonly lookalike: string
  /** A `/` comes out of the path when it is decoded, however often. */
  readonly encodedSlash: boolean
  readonly emptySegments: boolean
  /** A `;` is in the path, or comes out of it when it is decoded. */
  readonly pathParameters: boolean
}

export interface RefusedTarget {
  readonly kind: 'refused'
  readonly code: 'malformed_request' | 'misdirected'
  /** For the log. */
  readonly reason: string
}

const refused = (reason: string, code: RefusedTarget['code'] = 'malformed_request') =>
  ({ kind: 'refused', code, reason }) as const satisfies RefusedTarget

const odd = 0
const plain = 1
const upper = 2
const slash = 3
const dot = 4
const mark = 5

/** What the fast scan makes of an ASCII character: sub-delims but `;` say nothing but themselves (RFC 3986 section 3.3). */
const classes = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code)
  if (char === '/') return slash
  if (char === '.') return dot
  if (char === '?') return mark
  if (/[A-Z]/.test(char)) return upper
  return /[a-z0-9_~!$&'()*+,=:@-]/.test(char) ? plain : odd
})

/**
 * Reads a request target, raw as the parser gave it (RFC 9112 section 3.2): origin-form, or
 * absolute-form for `publicOrigin` (`https://host[:port]`). One reading decides and is sent on: whatever two
 * readers could take for different paths is refused or flagged. Escapes of other characters keep their
 * bytes, the case of their hex digits too, because signatures are made over them.
 */
export const readTarget = (raw: string, publicOrigin: string): Target | RefusedTarget => {
  if (raw.charCodeAt(0) !== 0x2f) return readAbsolute(raw, publicOrigin)
  let before = odd
  let cased = false
  let end = 0
  for (; end < raw.length; end++) {
    const code = raw.charCodeAt(end)
    const kind = code < 128 ? classes[code] : odd
    if (kind === plain) before = plain
    else if (kind === upper) {
      cased = true
      before = plain
    } else if (kind === slash) {
      // After a slash the segment is empty; after a dot it may be `..`, or end in a dot that Windows drops.
      if (before === slash || before === dot) return readOdd(raw)
      before = slash
    } else if (kind === dot) {
      if (before === slash) return readOdd(raw)
      before = dot
    } else if (kind === mark) break
    else return readOdd(raw)
  }
  if (before === dot) return readOdd(raw)
  const path = end === raw.length ? raw : raw.slice(0, end)
  const query = end === raw.length ? '' : raw.slice(end)
  if (!isQuery(query)) return refused('the query holds what must be encoded')
  return {
    kind: 'target',
    path,
    query,
    lookalike: cased ? path.toLowerCase() : path,
    encodedSlash: false,
    emptySegments: false,
    pathParameters: false,
  }
}

/** No control, space, non-ASCII or `#` in it. */
const isQuery = (query: string): boolean => {
  for (let i = 0; i < query.length; i++) {
    const code = query.charCodeAt(i)
    if (code <= 0x20 || code >= 0x7f || code === 0x23) return false
  }
  return true
}

const defaultPort: Readonly<Record<string, string>> = { http: ':80', https: ':443' }

const readAbsolute = (raw: string, publicOrigin: string): Target | RefusedTarget => {
  const scheme = raw.indexOf('://')
  if (scheme <= 0) return refused('the target is neither a path nor a URL')
  let end = scheme + 3
  while (end < raw.length && !'/?#\\'.includes(raw.charAt(end))) end++
  const name = raw.slice(0, scheme).toLowerCase()
  let authority = raw.slice(scheme + 3, end).toLowerCase()
  if (authority === '' || authority.includes('@')) return refused('the authority is malformed')
  const port = Object.hasOwn(defaultPort, name) ? defaultPort[name] : undefined
  if (port !== undefined && authority.endsWith(port)) authority = authority.slice(0, -port.length)
  if (`${name}://${authority}` !== publicOrigin) {
    return refused('the target is a URL of another origin', 'misdirected')
  }
  const rest = raw.slice(end)
  return readTarget(rest.startsWith('/') ? rest : `/${rest}`, publicOrigin)
}

const readOdd = (raw: string): Target | RefusedTarget => {
  const mark = raw.indexOf('?')
  const sent = mark < 0 ? raw : raw.slice(0, mark)
  const query = mark < 0 ? '' : raw.slice(mark)
  if (!isQuery(query)) return refused('the query holds what must be encoded')
  const path = decodeUnreserved(sent)
  if (typeof path !== 'string') return path
  const decoded = readUtf8(decodeWholly(path))
  if (decoded === undefined) return refused('an escape is not UTF-8')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x1f\x7f-\x9f]/.test(decoded)) return refused('a control character is encoded')
  if (decoded.includes('\\')) return refused('a backslash is encoded')
  const lookalike = looseForm(decoded)
  if (lookalike === undefined) return refused('there is a dot segment')
  const encodedSlash = slashes(decoded) > slashes(path)
  const pathParameters = decoded.includes(';')
  if (encodedSlash && pathParameters && path.split('/').some(hasSlashInParameter)) {
    return refused('a path parameter holds a slash')
  }
  return {
    kind: 'target',
    path,
    query,
    lookalike: lookalike === path ? path : lookalike,
    encodedSlash,
    emptySegments: path.includes('//'),
    pathParameters,
  }
}

/** Of `/a;%2Fx/b`, who drops parameters first makes `/a/b`, and who decodes first `/a/x/b`. */
const hasSlashInParameter = (segment: string): boolean => {
  const decoded = decodeWholly(segment)
  const parameter = decoded.indexOf(';')
  return parameter >= 0 && decoded.includes('/', parameter)
}

const slashes = (text: string): number => text.split('/').length - 1

/** The path with escapes of unreserved characters decoded once (RFC 3986 section 6.2.2.2), or why it cannot be read. */
const decodeUnreserved = (sent: string): string | RefusedTarget => {
  let path = ''
  let from = 0
  let wide = false
  for (let i = 0; i < sent.length; i++) {
    const code = sent.charCodeAt(i)
    if (code === 0x23) return refused('there is a fragment')
    if (code === 0x5c) return refused('there is a backslash')
    if (code <= 0x20 || code >= 0x7f) return refused('the path holds what must be encoded')
    if (code !== 0x25) continue
    const byte = escapedByte(sent, i)
    if (byte < 0) return refused('an escape is malformed')
    if (byte >= 0x80) wide = true
    if (isUnreserved(byte)) {
      path += sent.slice(from, i) + String.fromCharCode(byte)
      from = i + 3
    }
    i += 2
  }
  path += sent.slice(from)
  return wide && !isUtf8(path) ? refused('an escape is not UTF-8') : path
}

const isUtf8 = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
