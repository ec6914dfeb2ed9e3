import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { GatewayError } from '../errors.ts'

/** Emitted by a request whose client takes too long over the body. */
export const late = Symbol('late')

/**
 * The request's body as the upstream connection reads it. A stream of our own between the two,
 * because the connection destroys the body of a request that failed, and destroying an IncomingMessage takes
 * the client's socket with it: the client would see a reset where it should read a 502.
 */
class RequestBody extends Readable {
  readonly #source: IncomingMessage
  readonly #limit: number
  #seen = 0

  constructor(source: IncomingMessage, limit: number) {
    super()
    this.#source = source
    this.#limit = limit
    // Whoever read it may have left before the client did: an error that nobody hears ends the process.
    this.on('error', () => undefined)
    source.on('data', this.#onData)
    source.on('end', this.#onEnd)
    source.on('error', this.#onGone)
    source.on('aborted', this.#onGone)
    source.on(late, this.#onLate)
    source.pause()
  }

  readonly #onData = (chunk: Buffer) => {
    this.#seen += chunk.length
    if (this.#limit > 0 && this.#seen > this.#limit) {
      this.destroy(new GatewayError('body_too_large', 'the body passed the limit of its route'))
      return
    }
    if (!this.push(chunk)) this.#source.pause()
  }
  readonly #onEnd = () => void this.push(null)
  readonly #onGone = () => void this.destroy(new Error('the client went away in mid-body'))

  readonly #onLate = () =>
    void this.destroy(new GatewayError('request_timeout', 'the body stands still'))

  override _read(): void {
    this.#source.resume()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#source.off('data', this.#onData)
    this.#source.off('end', this.#onEnd)
    this.#source.off('error', this.#onGone)
    this.#source.off('aborted', this.#onGone)
    this.#source.off(late, this.#onLate)
    // The answer may be there before the end of the body: what is left is read and dropped.
    if (!this.#source.complete) this.#source.resume()
    callback(error)
  }
}

/** True where the request's framing announces a body (RFC 9112 section 6.3). */
export const hasBody = (req: IncomingMessage): boolean => {
  const length = req.headers['content-length']
  if (length !== undefined) return length !== '0'
  return req.headers['transfer-encoding'] !== undefined
}

/** True for a client that holds its body back until it is asked for it (RFC 9110 section 10.1.1). */
export const awaitsContinue = (req: IncomingMessage): boolean =>
  req.headers.expect?.toLowerCase() === '100-continue' && req.httpVersionMinor > 0 && hasBody(req)

/** The body to send upstream, byte for byte, at most `limit` bytes (0 = no limit); null where there is none. */
export const requestBody = (req: IncomingMessage, limit: number): Readable | null =>
  hasBody(req) ? new RequestBody(req, limit) : null
