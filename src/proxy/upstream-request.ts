import type { Readable } from 'node:stream'
import { isFieldValue, isToken } from './fields.ts'
import { LineError } from './line-error.ts'

/** A request as it goes to an upstream. */
export interface UpstreamRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Flat: name, value, name, value; `host` first. What is hop-by-hop is not among it. */
  readonly headers: string[]
  readonly body: Readable | Buffer | null
  /** The protocol to switch to, if any. */
  readonly upgrade?: string | null
  /** True: the connection is over with this request. */
  readonly reset?: boolean
}

/** How a body is sent (RFC 9112 section 6.3): so many bytes, or in chunks; null where none is announced. */
export type BodyFraming = number | 'chunked' | null

/** A header block without its end, and how the body behind it is framed: `endOf` makes the end. */
export interface RequestHead {
  readonly text: string
  readonly framing: BodyFraming
  /** The connection can serve no other request after this one. */
  readonly last: boolean
}

/** Methods whose requests have a body, be it an empty one (RFC 9110 section 8.6). */
const withContent = new Set(['POST', 'PUT', 'PATCH'])

const illegalInTarget = /[^\x21-\x7e\x80-\xff]/

const refused = (what: string): LineError => new LineError('LINE_REFUSED', what)

/** Throws `LINE_REFUSED` for fields that would not be read as they are meant (RFC 9110 section 5). For blocks that did not come through a parser of HTTP. */
export const checkFields = (headers: readonly string[]): void => {
  for (let i = 0; i < headers.length; i += 2) {
    if (!isToken(headers[i] ?? '')) throw refused('a header name is no token')
    if (!isFieldValue(headers[i + 1] ?? ''))
      throw refused('a header value holds a control character')
  }
}

/** What some servers read in their own way: its answer must not meet another's. */
const isOdd = (method: string, framing: BodyFraming): boolean =>
  // A body comes to HEAD all the same; that of GET, or chunks, are taken for the next request.
  method === 'HEAD' || framing === 'chunked' || (framing !== null && !withContent.has(method))

const framingOf = (
  { method, body }: UpstreamRequest,
  announced: number | undefined,
): BodyFraming => {
  if (body === null) return withContent.has(method) ? 0 : null
  return Buffer.isBuffer(body) ? body.length : (announced ?? 'chunked')
}

/**
 * The header block of a request as it is sent. Throws `LINE_REFUSED` for a method, a target or a length that cannot be
 * sent; fields are taken as they are, see `checkFields`.
 */
export const requestHead = (request: UpstreamRequest): RequestHead => {
  const { method, path, headers, upgrade, reset = false } = request
  if (!isToken(method)) throw refused('the method is no token')
  if (!path.startsWith('/') || illegalInTarget.test(path)) throw refused('the target is no path')
  const [host = '', authority = ''] = headers
  let fields = ''
  let length: number | undefined
  for (let i = 2; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined) throw refused('there are two lengths')
      length = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
      if (!Number.isSafeInteger(length)) throw refused('the length is no number')
    } else fields += `${name}: ${value}\r\n`
  }
  const framing = framingOf(request, length)
  const switches = typeof upgrade === 'string'
  const last = reset || switches || isOdd(method, framing)
  const connection = switches ? `upgrade\r\nupgrade: ${upgrade}` : last ? 'close' : 'keep-alive'
  return {
    text: `${method} ${path} HTTP/1.1\r\n${host}: ${authority}\r\nconnection: ${connection}\r\n${fields}`,
    framing,
    last,
  }
}

/** The end of a header block: the field that frames the body, and the empty line. */
export const endOf = (framing: BodyFraming): string => {
  if (framing === null) return '\r\n'
  if (framing === 'chunked') return 'transfer-encoding: chunked\r\n\r\n'
  return `content-length: ${framing}\r\n\r\n`
}
