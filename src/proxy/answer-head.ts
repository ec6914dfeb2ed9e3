import { isFieldValue, isToken, trimmed } from './fields.ts'
import { remember } from './headers.ts'
import { LineError } from './line-error.ts'

/** How the end of a body is found (RFC 9112 section 6.3): after so many bytes, by its chunks, or with the connection. */
export type Framing = number | 'chunked' | 'close'

/** The header block of an answer. */
export interface AnswerHead {
  readonly status: number
  readonly statusText: string
  /** Flat: name, value, name, value; bytes as latin1, in the order and the spelling of the wire. */
  readonly headers: string[]
  /** That of an answer that may have a body. */
  readonly framing: Framing
  /** False where the connection is to be over with this answer. */
  readonly keepAlive: boolean
  /** Seconds that the other side says it keeps an idle connection; undefined where it does not say. */
  readonly idleTimeout: number | undefined
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n]*))?$/

const invalid = 0
const plain = 1
const contentLength = 2
const transferEncoding = 3
const connection = 4
const keepAlive = 5

const kinds: ReadonlyMap<string, number> = new Map([
  ['content-length', contentLength],
  ['transfer-encoding', transferEncoding],
  ['connection', connection],
  ['keep-alive', keepAlive],
])
const kindOf = remember(name => {
  if (!isToken(name)) return invalid
  return kinds.get(name.toLowerCase()) ?? plain
})

const malformed = (what: string): LineError => new LineError('LINE_MALFORMED', what)

const lengthIn = (value: string): number => {
  const length = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (Number.isSafeInteger(length)) return length
  throw malformed('the length is no number')
}

/**
 * The fields of a block whose lines all end with CRLF, flat. Throws `LINE_MALFORMED` for what is not `name: value`:
 * folded lines, spaces before the colon, control characters, CR or LF alone (RFC 9112 sections 2.2 and 5).
 */
const fieldsIn = (text: string, from: number): string[] => {
  const fields: string[] = []
  for (let start = from, end: number; start < text.length; start = end + 2) {
    end = text.indexOf('\r\n', start)
    const colon = text.indexOf(':', start)
    if (colon < 0 || colon > end) throw malformed('a header line has no colon')
    const name = text.slice(start, colon)
    if (kindOf(name) === invalid) throw malformed('a header name is no token')
    const value = trimmed(text, colon + 1, end)
    if (!isFieldValue(value)) throw malformed('a header value holds a control character')
    fields.push(name, value)
  }
  return fields
}

/**
 * Reads the header block of an answer, as latin1 with the CRLF of its last line but without the empty line. Throws
 * `LINE_MALFORMED` for whatever two readers could take for two things (RFC 9112 section 6).
 */
export const readHead = (text: string): AnswerHead => {
  const end = text.indexOf('\r\n')
  const [, minor, status, statusText = ''] = statusLine.exec(text.slice(0, end)) ?? []
  if (status === undefined) throw malformed('it does not begin with a status line')
  const headers = fieldsIn(text, end + 2)
  let length: number | undefined
  let coding: string | undefined
  let closes = minor === '0'
  let idle: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] ?? ''
    switch (kindOf(headers[i] ?? '')) {
      case contentLength:
        if (length !== undefined) throw malformed('there are two lengths')
        length = lengthIn(value)
        break
      case transferEncoding:
        if (coding !== undefined) throw malformed('there are two transfer codings')
        coding = value.toLowerCase()
        break
      case connection:
        closes ||= /(?:^|[,\s])close(?:$|[,\s])/i.test(value)
        break
      case keepAlive:
        idle = /(?:^|[,;\s])timeout=(\d{1,9})(?:$|[,;\s])/i.exec(value)?.[1] ?? idle
        break
      default:
    }
  }
  if (closes && status.startsWith('1')) throw malformed('an interim answer is to be the last')
  if (coding !== undefined) {
    if (length !== undefined) throw malformed('there are a length and a transfer coding')
    // A coding under the chunks would be lost on the way; and HTTP/1.0 knows none.
    if (coding !== 'chunked' || minor === '0') throw malformed('its transfer coding is not chunked')
  }
  const framing = coding !== undefined ? 'chunked' : (length ?? 'close')
  return {
    status: Number(status),
    statusText,
    headers,
    framing,
    keepAlive: !closes && !promisesMore(status, framing),
    idleTimeout: idle === undefined ? undefined : Number(idle),
  }
}

/** True for an answer that has no body and announces one: it may come all the same (RFC 9110 sections 8.6 and 15.4.5). */
const promisesMore = (status: string, framing: Framing): boolean => {
  if (status === '204') return framing === 'chunked' || (framing !== 'close' && framing > 0)
  return status === '304' && framing === 'chunked'
}

/** Reads the trailer section of a chunked body, which nobody gets. Throws `LINE_MALFORMED` as `readHead` does. */
export const checkTrailers = (text: string): void => void fieldsIn(text, 0)

/** What may stand in a status line that a client is to read. */
export const isStatusText = (text: string): boolean =>
  text === 'OK' || /^[\t\x20-\x7e\xa0-\xff]*$/.test(text)

/** Takes `Content-Length` out of a flat header block, in place. */
export const removeLength = (headers: string[]): void => {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (headers[i]?.toLowerCase() === 'content-length') headers.splice(i, 2)
  }
}

/** True for the flat header block of an answer that need not end (HTML, server-sent events). */
export const isEventStream = (headers: readonly string[]): boolean => {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.length === 12 && headers[i]?.toLowerCase() === 'content-type') {
      return headers[i + 1]?.toLowerCase().startsWith('text/event-stream') === true
    }
  }
  return false
}
