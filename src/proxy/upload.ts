import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { LineError } from './line-error.ts'
import { type BodyFraming, endOf, type RequestHead } from './upstream-request.ts'

export interface UploadOptions {
  readonly socket: Socket
  /** The header block: it leaves with the first portion, so that nothing is begun upstream for a client that sends nothing. */
  readonly head: RequestHead
  readonly body: Readable
  /** The header block is about to leave. */
  begun(): void
  /** A portion has been handed to the connection. */
  sent(): void
  /** The body broke off, or is not as long as was said. */
  failed(error: Error): void
}

/**
 * Calls `ready` once there is a first portion of a body, or its end; or `failed` where it broke off before. One of the two is
 * called once.
 */
export const whenReadable = (
  body: Readable,
  { ready, failed }: { ready(): void; failed(error: Error): void },
): void => {
  const settle = (done: () => void) => (): void => {
    body.off('readable', begun)
    body.off('close', broken)
    done()
  }
  const begun = settle(ready)
  const broken = settle(() =>
    failed(body.errored ?? new LineError('LINE_REFUSED', 'the body broke off')),
  )
  if (body.destroyed) return broken()
  if (body.readableLength > 0 || body.readableEnded) return ready()
  body.on('readable', begun)
  body.on('close', broken)
}

/** A body on its way to the upstream, framed (RFC 9112 sections 6.2 and 7.1); no more of it under way than the socket holds. */
export class Upload {
  readonly #options: UploadOptions
  #sent = 0
  #begun = false
  #over = false

  constructor(options: UploadOptions) {
    this.#options = options
    const { socket, body } = options
    socket.on('drain', this.#onDrain)
    body.on('data', this.#onData)
    body.on('end', this.#onEnd)
    body.on('error', this.#onError)
    body.on('close', this.#onClose)
  }

  /** All of the body has been handed to the connection. */
  get complete(): boolean {
    return this.#over
  }

  /** Nobody wants the rest. */
  stop(): void {
    if (this.#over) return
    this.#finish()
    this.#options.body.destroy()
  }

  readonly #onData = (chunk: Buffer): void => {
    const { socket, head, body, sent } = this.#options
    const { framing } = head
    this.#sent += chunk.length
    if (typeof framing === 'number' && this.#sent > framing)
      return this.#onError(new LineError('LINE_REFUSED', 'the body is longer than was said'))
    if (chunk.length === 0) return
    socket.cork()
    this.#begin(framing)
    if (framing === 'chunked') socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    const room = socket.write(chunk)
    if (framing === 'chunked') socket.write('\r\n', 'latin1')
    socket.uncork()
    if (!room) body.pause()
    sent()
  }

  readonly #onEnd = (): void => {
    const { socket, head } = this.#options
    const { framing } = head
    if (typeof framing === 'number' && this.#sent !== framing)
      return this.#onError(new LineError('LINE_REFUSED', 'the body is shorter than was said'))
    this.#finish()
    if (this.#sent === 0) this.#begin(0)
    else if (framing === 'chunked') socket.write('0\r\n\r\n', 'latin1')
  }

  readonly #onDrain = (): void => void this.#options.body.resume()

  readonly #onError = (error: Error): void => {
    if (this.#over) return
    this.#finish()
    this.#options.failed(error)
    this.#options.body.destroy()
  }

  readonly #onClose = (): void => this.#onError(new LineError('LINE_ENDED', 'the body broke off'))

  #begin(framing: BodyFraming): void {
    if (this.#begun) return
    this.#begun = true
    const { socket, head, begun } = this.#options
    begun()
    socket.write(head.text + endOf(framing), 'latin1')
  }

  #finish(): void {
    this.#over = true
    const { socket, body } = this.#options
    socket.off('drain', this.#onDrain)
    body.off('data', this.#onData)
    body.off('end', this.#onEnd)
    body.off('close', this.#onClose)
    // An error that nobody hears would end the process.
    body.on('error', () => undefined)
    body.off('error', this.#onError)
  }
}
