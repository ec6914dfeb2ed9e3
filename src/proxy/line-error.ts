/**
 * What can go wrong on a connection to an upstream, beside what the system and TLS report with codes of their own.
 *
 * - `LINE_CLOSED`: the other side closed it before there was a whole answer
 * - `LINE_MALFORMED`: what came is no HTTP/1.1 that can be believed
 * - `LINE_OVERFLOW`: a header block, or a line, is longer than is read
 * - `LINE_UNASKED`: something came that nobody had asked for
 * - `LINE_REFUSED`: the request cannot be sent as it is, to whatever target
 * - `LINE_ENDED`: this side wants no more requests
 */
export type LineErrorCode =
  | 'LINE_CLOSED'
  | 'LINE_MALFORMED'
  | 'LINE_OVERFLOW'
  | 'LINE_UNASKED'
  | 'LINE_REFUSED'
  | 'LINE_ENDED'

export class LineError extends Error {
  override readonly name = 'LineError'
  readonly code: LineErrorCode

  constructor(code: LineErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** What was thrown, as an error. */
export const errorOf = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown))
