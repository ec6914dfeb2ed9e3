import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { type ConnectOptions, createConnect } from './connect.ts'
import { type AnswerHandler, Line, type LineOwner, type Message } from './line.ts'
import { errorOf, LineError } from './line-error.ts'
import { whenReadable } from './upload.ts'
import { type RequestHead, requestHead, type UpstreamRequest } from './upstream-request.ts'

export interface LinesOptions extends ConnectOptions {
  /** A connection ended by the other side's doing. */
  readonly lost: (error: Error) => void
}

/** Milliseconds that a connection waits for its next request, where the other side does not say how long it keeps one. */
const usualIdle = 4_000
const longestIdle = 600_000
/** Milliseconds by which we are earlier than the other side: a request could be on its way when it closes. */
const margin = 2_000
const sweepEvery = 500
/** So many are closed in one go at the most: each takes the system some time. */
const mostAtOnce = 200

const ended = (): LineError => new LineError('LINE_ENDED', 'the connections are closed')

/** Milliseconds that a line may wait. */
const patienceWith = ({ idleTimeout }: Line): number =>
  idleTimeout === undefined ? usualIdle : Math.min(idleTimeout * 1000 - margin, longestIdle)

/**
 * The connections to one target. The one that was used last is used first, so that those too many grow old and are
 * closed; where none is free, one more is opened. Finding one costs the same however many there are: thousands may
 * hold streams.
 */
export class Lines implements LineOwner {
  readonly #connect: ReturnType<typeof createConnect>
  readonly #lost: (error: Error) => void
  readonly #free: Line[] = []
  readonly #all = new Set<Line>()
  /** Those that are being made. */
  readonly #opening = new Set<Socket>()
  #sweeper: NodeJS.Timeout | undefined
  #destroyed = false

  constructor(options: LinesOptions) {
    this.#connect = createConnect(options)
    this.#lost = options.lost
  }

  /** How many connections there are, or are about to be. */
  get size(): number {
    return this.#all.size + this.#opening.size
  }

  /** Sends a request on a connection of its own. Its handler is told of all that goes wrong. */
  dispatch(request: UpstreamRequest, handler: AnswerHandler): void {
    let head: RequestHead
    try {
      head = requestHead(request)
    } catch (error) {
      return handler.onError(errorOf(error))
    }
    const message = { request, head, handler }
    const { body } = request
    if (body instanceof Readable) {
      // What a client is slow to send must not hold a connection, nor one that the other side gives up meanwhile.
      const failed = (error: Error): void => handler.onError(error)
      whenReadable(body, { ready: () => this.missed(message), failed })
    } else this.missed(message)
  }

  /** Finds a connection for a message of which nothing has been sent. */
  missed(message: Message): void {
    // A second attempt may come after the end of what the first was part of.
    if (this.#destroyed) return message.handler.onError(ended())
    const now = performance.now()
    for (let line = this.#free.pop(); line !== undefined; line = this.#free.pop()) {
      line.free = false
      if (now - line.freeSince < patienceWith(line)) return line.take(message)
      line.close()
    }
    this.#open(message)
  }

  freed(line: Line): void {
    if (this.#destroyed || patienceWith(line) <= 0) return line.close()
    line.free = true
    line.freeSince = performance.now()
    this.#free.push(line)
    this.#sweeper ??= setInterval(() => this.#sweep(), sweepEvery).unref()
  }

  lost(line: Line, error: Error | undefined): void {
    this.#all.delete(line)
    if (line.free) this.#free.splice(this.#free.lastIndexOf(line), 1)
    line.free = false
    if (error !== undefined) this.#lost(error)
  }

  /** Closes those that wait for a request. */
  closeFree(): void {
    for (const line of [...this.#free]) line.close()
  }

  /** Closes all of them at once. What is under way fails with `LINE_ENDED`. */
  destroy(): void {
    this.#destroyed = true
    clearInterval(this.#sweeper)
    for (const socket of this.#opening) socket.destroy()
    for (const line of [...this.#all]) line.close(ended())
  }

  #open(message: Message): void {
    const { handler } = message
    const ready = (): void => {
      this.#opening.delete(socket)
      const line = new Line(socket, this)
      this.#all.add(line)
      line.send(message)
    }
    const failed = (error: Error): void => {
      this.#opening.delete(socket)
      handler.onError(this.#destroyed ? ended() : error)
    }
    let socket: Socket
    try {
      socket = this.#connect({ ready, failed })
    } catch (error) {
      return handler.onError(errorOf(error))
    }
    this.#opening.add(socket)
  }

  #sweep(): void {
    const now = performance.now()
    // The oldest are first.
    const due = this.#free.filter(line => now - line.freeSince >= patienceWith(line))
    for (const line of due.slice(0, mostAtOnce)) line.close()
  }
}
