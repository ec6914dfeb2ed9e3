import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { GatewayError } from '../errors.ts'
import { isEventStream, isStatusText, removeLength } from './answer-head.ts'
import type { Deadlined, Deadlines } from './deadlines.ts'
import type { AnswerHandler, Connection } from './line.ts'
import type { RoutePlan } from './plan.ts'
import { isClosed, isSafe, isUnreached } from './resend.ts'
import type { Sink } from './sink.ts'
import { flushAfterTurn, type Held } from './turn.ts'
import type { Place } from './upstream.ts'
import type { UpstreamRequest } from './upstream-request.ts'

/** Whoever asked for an exchange: told once, when it is over. */
export interface ExchangeOwner {
  /** The header block for the client, from the one that the upstream sent; both flat. */
  responseHeaders(received: readonly string[]): string[]
  /** No byte of an answer has been sent: the owner answers. */
  failed(error: unknown): void
  /** An event stream begins: an answer that need not end. */
  endless?(): void
  /** The upstream agreed to an upgrade; `received` is its header block. Throws for what becomes no tunnel. */
  upgraded?(received: readonly string[], upstream: Duplex): void
  /** It holds nothing any more but the rest of the answer, which leaves with the turn. */
  over(): void
}

/** One request at an upstream and the way of its answer to the client: what comes is written into the sink. */
export class Exchange implements AnswerHandler, Deadlined, Held {
  deadline: number
  slot = -1
  /** performance.now() at the arrival of the upstream's header block; 0 before. */
  answeredAt = 0
  readonly #sink: Sink
  readonly #owner: ExchangeOwner
  readonly #route: RoutePlan
  readonly #place: Place
  readonly #deadlines: Deadlines
  #request: UpstreamRequest | undefined
  #connection: Connection | undefined
  #waiting = false
  #stopped: Error | undefined
  #over = false
  #endless = false
  #reached = false
  #reused = false
  #renewed = false
  #corked: Sink['socket'] = null
  #complete = false

  constructor(
    sink: Sink,
    owner: ExchangeOwner,
    route: RoutePlan,
    place: Place,
    deadlines: Deadlines,
  ) {
    this.#sink = sink
    this.#owner = owner
    this.#route = route
    this.#place = place
    this.#deadlines = deadlines
    this.deadline =
      performance.now() + route.upstream.connectTimeout + route.upstream.headersTimeout
    deadlines.add(this)
  }

  start(request: UpstreamRequest): void {
    this.#request = request
    this.#place.dispatch(request, this)
  }

  /** Ends it from outside: client gone, session ended, shutdown. Nothing more is read or written. */
  stop(reason: Error): void {
    if (this.#over) return
    this.#stopped = reason
    // Still waiting for its connection: onConnect gives it up.
    this.#finish()
    this.#connection?.abort(this)
  }

  onConnect(connection: Connection, reused: boolean): void {
    this.#connection = connection
    this.#reached = true
    this.#reused = reused
    this.#place.reached()
    if (this.#stopped !== undefined) connection.abort(this)
  }

  /** Request bytes are progress too: a long upload must not look like a silent upstream. */
  onBodySent(): void {
    if (this.answeredAt === 0) {
      this.deadline = performance.now() + this.#route.upstream.headersTimeout
    }
  }

  onHeaders(status: number, received: string[], statusText: string): void {
    if (this.#over || status < 200) return
    this.answeredAt = performance.now()
    const headers = this.#owner.responseHeaders(received)
    // RFC 9110 section 8.6: a client that believes it would wait for a body, or take the next answer for one.
    if (status === 204) removeLength(headers)
    this.#endless = isEventStream(headers)
    this.#progress(this.answeredAt)
    this.#cork()
    this.#sink.writeHead(status, isStatusText(statusText) ? statusText : '', headers)
    // An event stream's header block must not wait for the first event.
    if (this.#endless) {
      this.#sink.flushHeaders()
      this.#owner.endless?.()
    }
  }

  /** From here on the tunnel keeps its own time; `close` gives back what the exchange holds. */
  onUpgrade(received: string[], upstream: Duplex): void {
    // Without a listener a late error of the socket would end the process (CVE-2026-129500).
    upstream.on('error', () => undefined)
    if (this.#over) return void upstream.destroy()
    this.answeredAt = performance.now()
    this.deadline = Number.POSITIVE_INFINITY
    try {
      if (this.#owner.upgraded === undefined) throw new Error('an upgrade that nobody asked for')
      this.#owner.upgraded(received, upstream)
    } catch (error) {
      upstream.destroy()
      this.onError(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** The tunnel is closed. */
  close(): void {
    if (!this.#over) this.#finish()
  }

  onData(chunk: Buffer): boolean {
    if (this.#over) return false
    if (this.#sink.write(chunk)) {
      this.#progress(performance.now())
      return true
    }
    this.flush()
    if (this.#waiting) return false
    this.#waiting = true
    // The client reads slowly: that is its time, not the upstream's.
    this.deadline = Number.POSITIVE_INFINITY
    this.#sink.once('drain', () => this.#drained())
    return false
  }

  onComplete(): void {
    if (this.#over) return
    this.#finish()
    this.#complete = true
    if (this.#corked === null) this.#sink.end()
  }

  /** Lets go of what was held back of the answer. */
  flush(): void {
    const socket = this.#corked
    if (socket === null) return
    this.#corked = null
    if (!this.#complete) socket.uncork()
    // To end it all the same would make an answer that nobody got look sent.
    else if (!socket.destroyed) this.#sink.end()
  }

  onError(error: Error): void {
    if (this.#over) return
    if (this.answeredAt === 0 && this.#stopped === undefined && this.#again(error)) return
    this.#finish()
    // A cut in mid-answer must look like one: a clean end would pass half an answer off as a whole.
    if (!this.#sink.headersSent) return this.#owner.failed(error)
    // Who gets no byte of an answer may send the request once more.
    this.flush()
    this.#sink.destroy()
  }

  expire(): void {
    const error = new GatewayError('upstream_timeout', 'the upstream made no progress in time')
    const connection = this.#connection
    this.#stopped = error
    this.onError(error)
    connection?.abort(this)
  }

  /**
   * Sends the request once more where that is safe: to another target if it never left, or over a new
   * connection if the upstream closed the old one just when a safe request came (RFC 9110 section 9.2.2).
   */
  #again(error: Error): boolean {
    const request = this.#request
    if (request === undefined) return false
    if (!this.#reached) {
      if (!isUnreached(error) || !this.#place.moved()) return false
      // The block begins with `host` and its value.
      request.headers[1] = this.#place.authority
    } else {
      if (!this.#reused || this.#renewed || !isClosed(error) || !isSafe(request)) return false
      this.#renewed = true
      this.#place.renew()
    }
    this.#connection = undefined
    this.#reached = false
    this.start(request)
    return true
  }

  /** What is written in this turn leaves at its end. */
  #cork(): void {
    const { socket } = this.#sink
    if (socket === null) return
    socket.cork()
    this.#corked = socket
    flushAfterTurn(this)
  }

  #drained(): void {
    this.#waiting = false
    if (this.#over) return
    this.#progress(performance.now())
    this.#connection?.resume(this)
  }

  #progress(now: number): void {
    this.deadline = this.#endless
      ? Number.POSITIVE_INFINITY
      : now + this.#route.upstream.idleTimeout
  }

  #finish(): void {
    this.#over = true
    this.#deadlines.remove(this)
    this.#place.release()
    this.#owner.over()
  }
}
