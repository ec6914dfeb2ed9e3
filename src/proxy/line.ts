import type { Socket } from 'node:net'
import { type Duplex, Readable } from 'node:stream'
import type { AnswerHead } from './answer-head.ts'
import { type AnswerListener, AnswerReader } from './answer-reader.ts'
import { errorOf, LineError } from './line-error.ts'
import { flushAfterTurn, type Held } from './turn.ts'
import { Upload } from './upload.ts'
import { endOf, type RequestHead, type UpstreamRequest } from './upstream-request.ts'

/** A connection as one request sees it. Both do nothing once that request is over. */
export interface Connection {
  /** Closes it; nothing more is called. */
  abort(handler: AnswerHandler): void
  /** Reads on after `onData` said no. */
  resume(handler: AnswerHandler): void
}

/** Whoever sends a request. After `onComplete`, `onUpgrade`, `onError` or its own `abort` nothing more is called. */
export interface AnswerHandler {
  /** The request is about to be sent. `reused`: the connection has served other requests before. */
  onConnect(connection: Connection, reused: boolean): void
  /** A portion of the body has been handed to the connection. */
  onBodySent?(): void
  /** `headers` are flat, bytes as latin1. Those of 1xx come too. */
  onHeaders(status: number, headers: string[], statusText: string): void
  /** False: no more until `resume`. What had been read by then comes all the same. */
  onData(chunk: Buffer): boolean
  onComplete(): void
  /** The upstream agreed to switch protocols: the connection is the handler's. */
  onUpgrade?(headers: string[], upstream: Duplex): void
  /** Where `onConnect` was not called before, nothing has been sent. */
  onError(error: Error): void
}

/** A request that is ready to be sent. */
export interface Message {
  readonly request: UpstreamRequest
  readonly head: RequestHead
  readonly handler: AnswerHandler
}

/** Whoever keeps the connections. */
export interface LineOwner {
  /** It waits for its next request. */
  freed(line: Line): void
  /** It can serve nothing more. `error` says why, where that was the other side's doing. */
  lost(line: Line, error: Error | undefined): void
  /** It was closed before a message that it had taken could be sent. */
  missed(message: Message): void
}

/** Bytes of the longest header block that is read. */
const maxHeader = 32 * 1024

/**
 * One connection to a target, with one request at a time (RFC 9112 section 9). Whatever is not as it should be
 * closes it, because it cannot be known then whose the next bytes are. Between an answer and the next request
 * the event loop takes a turn each way, so that what has come by then, unasked, or the end, is seen before it.
 */
export class Line implements Connection, AnswerListener, Held {
  /** How many requests it has served. */
  served = 0
  /** Seconds that the other side says it keeps an idle connection; undefined where it does not say. */
  idleTimeout: number | undefined
  /** It waits for its next request, since then (performance.now()); its owner's to set. */
  free = false
  freeSince = 0
  readonly #socket: Socket
  readonly #owner: LineOwner
  readonly #reader = new AnswerReader(this, maxHeader)
  /** What it has taken and not sent yet. */
  #next: Message | undefined
  #mayEndInSwitch = false
  #handler: AnswerHandler | undefined
  #sending: Upload | undefined
  #switched: string[] | undefined
  #last = false
  #closed = false

  constructor(socket: Socket, owner: LineOwner) {
    this.#socket = socket
    this.#owner = owner
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  /** Takes the next request of a connection that is free; it is sent at the end of this turn. */
  take(message: Message): void {
    this.#next = message
    flushAfterTurn(this)
  }

  /** The turn is over. */
  flush(): void {
    const message = this.#next
    this.#next = undefined
    if (message === undefined) this.#free()
    else if (this.#socket.destroyed) this.#owner.missed(message)
    else this.send(message)
  }

  /** Sends a request at once: for a connection that has just been made. */
  send({ request, head, handler }: Message): void {
    const { body } = request
    this.#mayEndInSwitch = typeof request.upgrade === 'string'
    this.#handler = handler
    this.#last = head.last
    handler.onConnect(this, this.served++ > 0)
    if (body instanceof Readable) return this.#upload(request, head, body)
    // It was given up while it waited.
    if (this.#handler === undefined) return
    this.#reader.expect(request.method)
    const socket = this.#socket
    const block = head.text + endOf(head.framing)
    if (body === null) return void socket.write(block, 'latin1')
    socket.cork()
    socket.write(block, 'latin1')
    socket.write(body)
    socket.uncork()
  }

  #upload(request: UpstreamRequest, head: RequestHead, body: Readable): void {
    if (this.#handler === undefined) return void body.destroy()
    // Its client may have left, or taken too long, while the request waited.
    if (body.destroyed)
      return this.close(body.errored ?? new LineError('LINE_REFUSED', 'the body broke off'))
    this.#sending = new Upload({
      ...{ socket: this.#socket, head, body },
      // Until then whatever comes is no answer.
      begun: () => this.#reader.expect(request.method),
      sent: () => this.#handler?.onBodySent?.(),
      failed: error => this.close(error),
    })
  }

  /** Closes it. Whoever waits for an answer gets `error`. */
  close(error?: Error, lost?: Error): void {
    if (this.#closed) return
    this.#closed = true
    const handler = this.#handler
    this.#handler = undefined
    this.#sending?.stop()
    this.#socket.destroy()
    this.#owner.lost(this, lost)
    if (error !== undefined) handler?.onError(error)
  }

  abort(handler: AnswerHandler): void {
    if (this.#handler === handler) this.close()
  }

  resume(handler: AnswerHandler): void {
    if (this.#handler === handler) this.#socket.resume()
  }

  onHead(head: AnswerHead): boolean {
    const { status, headers } = head
    if (status === 100) throw new LineError('LINE_MALFORMED', 'a 100 that was not asked for')
    if (status === 101) {
      if (!this.#mayEndInSwitch)
        throw new LineError('LINE_MALFORMED', 'a switch that was not asked for')
      this.#switched = headers
      return false
    }
    if (status >= 200) {
      if (!head.keepAlive) this.#last = true
      this.idleTimeout = head.idleTimeout
    }
    this.#handler?.onHeaders(status, headers, head.statusText)
    return true
  }

  onBody(chunk: Buffer): void {
    if (this.#handler?.onData(chunk) === false) this.#socket.pause()
  }

  onEnd(): void {
    const handler = this.#handler
    this.#handler = undefined
    // Answered before all of it was sent: what is still on its way would be taken for the next request.
    if (this.#sending?.complete === false || this.#socket.writableLength > 0) this.#last = true
    this.#sending?.stop()
    this.#sending = undefined
    handler?.onComplete()
    if (this.#last) this.close()
    else flushAfterTurn(this)
  }

  #free(): void {
    if (this.#closed) return
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#owner.freed(this)
  }

  readonly #onData = (portion: Buffer): void => {
    try {
      const rest = this.#reader.read(portion)
      if (rest !== undefined) this.#switch(rest)
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #onEnd = (): void => {
    try {
      this.#reader.finish()
      this.close()
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #onError = (error: Error): void => this.#fail(error)

  readonly #onClose = (): void => this.#fail(new LineError('LINE_CLOSED', 'it was closed'))

  #fail(error: unknown): void {
    const reason = errorOf(error)
    this.close(reason, reason)
  }

  /** From now on the socket is the handler's; `rest` has been read from it already. */
  #switch(rest: Buffer): void {
    const [handler, headers, socket] = [this.#handler, this.#switched, this.#socket]
    if (this.#closed || handler?.onUpgrade === undefined || headers === undefined)
      throw new LineError('LINE_MALFORMED', 'a switch that nobody takes')
    this.#closed = true
    this.#handler = undefined
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('error', this.#onError)
    socket.off('close', this.#onClose)
    socket.pause()
    if (rest.length > 0) socket.unshift(rest)
    this.#owner.lost(this, undefined)
    handler.onUpgrade(headers, socket)
  }
}
