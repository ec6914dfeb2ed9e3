import { type AnswerHead, checkTrailers, readHead } from './answer-head.ts'
import { token } from './fields.ts'
import { LineError } from './line-error.ts'

/** Whoever asked. What is called may throw: that ends the reading. */
export interface AnswerListener {
  /** A header block, those of 1xx too. False: it is no answer but an agreement to switch, and all bytes behind it are the tunnel's. */
  onHead(head: AnswerHead): boolean
  onBody(chunk: Buffer): void
  onEnd(): void
}

const nothing = Buffer.alloc(0)
const crlf = Buffer.from('\r\n')
const headEnd = Buffer.from('\r\n\r\n')
/** With what every answer begins. */
const opening = 'HTTP/1.'
/** Bytes of the longest line with the size of a chunk. */
const longestSize = 1024
/** Interim answers that may come before the answer. */
const mostInterim = 100

const quoted = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
/** Extensions say nothing (RFC 9112 section 7.1.1). 13 digits are more than any number that is exact. */
const sizeLine = new RegExp(`^([0-9A-Fa-f]{1,13})(?:;${token}(?:=(?:${token}|${quoted}))?)*\\r\\n$`)

const idle = 0
const head = 1
const lengthBody = 2
const closeBody = 3
const chunkSize = 4
const chunkBody = 5
const chunkEnd = 6
const trailers = 7
const tunnel = 8
type State = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

const hasLoneLineFeed = (bytes: Buffer, from: number): boolean => {
  for (let at = bytes.indexOf(0x0a, from); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (at === from || bytes[at - 1] !== 0x0d) return true
  }
  return false
}

const malformed = (what: string): LineError => new LineError('LINE_MALFORMED', what)

/**
 * Reads the answers of one connection, one at a time, from its bytes in whatever portions (RFC 9112). It reads less
 * than that allows: whatever two readers could take for two things ends the connection. `limit` bytes are a header
 * block at most, and a trailer section.
 */
export class AnswerReader {
  readonly #listener: AnswerListener
  readonly #limit: number
  #state: State = idle
  /** The answer to HEAD has no body, whatever it says of one. */
  #toHead = false
  #interim = 0
  /** Bytes that are still to come of the body, of the chunk or of its end, or that may come of the trailer section. */
  #rest = 0
  /** The beginning of a line or block that has not all arrived. */
  #kept = nothing

  constructor(listener: AnswerListener, limit: number) {
    this.#listener = listener
    this.#limit = limit
  }

  /** A request with this method is about to be sent. */
  expect(method: string): void {
    this.#toHead = method === 'HEAD'
    this.#interim = 0
    this.#state = head
  }

  /** Throws `LINE_MALFORMED`, or `LINE_UNASKED` for a byte that belongs to no answer. Gives what lies behind an agreement to switch. */
  read(portion: Buffer): Buffer | undefined {
    let at = 0
    while (at < portion.length) {
      switch (this.#state) {
        case head:
          at = this.#readHead(portion, at)
          break
        case lengthBody:
        case chunkBody:
          at = this.#readBody(portion, at)
          break
        case closeBody:
          this.#listener.onBody(at === 0 ? portion : portion.subarray(at))
          return undefined
        case chunkSize:
          at = this.#readSize(portion, at)
          break
        case chunkEnd:
          at = this.#readChunkEnd(portion, at)
          break
        case trailers:
          at = this.#readTrailers(portion, at)
          break
        case tunnel:
          return portion.subarray(at)
        default:
          throw new LineError('LINE_UNASKED', 'bytes that belong to no answer')
      }
    }
    return this.#state === tunnel ? nothing : undefined
  }

  /** The other side sends nothing more. Throws `LINE_CLOSED` where that is in the middle of an answer, or before it. */
  finish(): void {
    if (this.#state === closeBody) return this.#end()
    throw new LineError('LINE_CLOSED', 'the other side closed')
  }

  #readHead(portion: Buffer, at: number): number {
    if (this.#kept.length === 0 && portion[at] !== opening.charCodeAt(0))
      throw malformed('it does not begin with a status line')
    const taken = this.#take(portion, at, headEnd, this.#limit)
    if (taken === undefined) {
      const begun = this.#kept.toString('latin1', 0, opening.length)
      if (!opening.startsWith(begun)) throw malformed('it does not begin with a status line')
      return portion.length
    }
    const answer = readHead(taken.text)
    if (answer.status < 200 && ++this.#interim > mostInterim)
      throw malformed('there are too many interim answers')
    if (!this.#listener.onHead(answer)) this.#state = tunnel
    else if (answer.status >= 200) this.#begin(answer)
    return taken.end
  }

  #begin({ status, framing }: AnswerHead): void {
    if (this.#toHead || status === 204 || status === 304 || framing === 0) return this.#end()
    if (framing === 'chunked') this.#state = chunkSize
    else if (framing === 'close') this.#state = closeBody
    else {
      this.#state = lengthBody
      this.#rest = framing
    }
  }

  #readBody(portion: Buffer, at: number): number {
    const end = Math.min(portion.length, at + this.#rest)
    this.#rest -= end - at
    this.#listener.onBody(end - at === portion.length ? portion : portion.subarray(at, end))
    if (this.#rest > 0) return end
    if (this.#state === lengthBody) this.#end()
    else {
      this.#state = chunkEnd
      this.#rest = crlf.length
    }
    return end
  }

  #readSize(portion: Buffer, at: number): number {
    const taken = this.#take(portion, at, crlf, longestSize)
    if (taken === undefined) return portion.length
    const size = sizeLine.exec(taken.text)?.[1]
    if (size === undefined) throw malformed('the size of a chunk is no number')
    this.#rest = Number.parseInt(size, 16)
    if (this.#rest > 0) this.#state = chunkBody
    else {
      this.#state = trailers
      this.#rest = this.#limit
    }
    return taken.end
  }

  #readChunkEnd(portion: Buffer, at: number): number {
    if (portion[at] !== crlf[crlf.length - this.#rest]) throw malformed('a chunk is too long')
    if (--this.#rest === 0) this.#state = chunkSize
    return at + 1
  }

  #readTrailers(portion: Buffer, at: number): number {
    // Line by line: most often there is none but the empty one.
    const taken = this.#take(portion, at, crlf, this.#rest)
    if (taken === undefined) return portion.length
    this.#rest -= taken.text.length
    if (taken.text === '\r\n') this.#end()
    else checkTrailers(taken.text)
    return taken.end
  }

  /**
   * The text up to and with the first CRLF of `mark`, and where to go on behind `mark`; undefined where that has not
   * arrived: then what there is is kept. Throws where it is longer than `limit` bytes.
   */
  #take(
    portion: Buffer,
    at: number,
    mark: Buffer,
    limit: number,
  ): { readonly text: string; readonly end: number } | undefined {
    const kept = this.#kept.length
    const whole = kept === 0 ? portion : Buffer.concat([this.#kept, portion.subarray(at)])
    const start = kept === 0 ? at : 0
    const found = whole.indexOf(mark, Math.max(start, kept - mark.length + 1))
    if ((found < 0 ? whole.length : found + mark.length) - start > limit)
      throw new LineError('LINE_OVERFLOW', `a header block or line of more than ${limit} bytes`)
    if (found < 0) {
      // It would be waited for in vain.
      if (hasLoneLineFeed(whole, start)) throw malformed('a line ends with LF alone')
      this.#kept = Buffer.from(whole.subarray(start))
      return undefined
    }
    this.#kept = nothing
    const end = found + mark.length
    const text = whole.toString('latin1', start, found + crlf.length)
    return { text, end: kept === 0 ? end : end - kept + at }
  }

  #end(): void {
    this.#state = idle
    this.#listener.onEnd()
  }
}
