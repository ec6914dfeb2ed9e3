import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import { isEventStream, isStatusText, removeLength } from './answer-head.ts'
import type { Deadlined, Deadlines } from './deadlines.ts'
import type { Line } from './lines.ts'
import type { RoutePlan } from './plan.ts'
import { isClosed, isLengthMismatch, isSafe, isUnreached } from './resend.ts'
import type { Sink } from './sink.ts'
import { flushAfterTurn, type Held } from './turn.ts'
import type { Place } from './upstream.ts'

/** Whoever asked for an exchange: told once, when it is over. */
export interface ExchangeOwner {
  /** The header block for the client, from the one that the upstream sent. */
  responseHeaders(raw: readonly Buffer[], status: number): string[]
  /** No byte of an answer has been sent: the owner answers. */
  failed(error: unknown): void
  /** An event stream begins: an answer that need not end. */
  endless?(): void
  /** The upstream agreed to an upgrade; `raw` is its header block. Throws for what becomes no tunnel. */
  upgraded?(raw: readonly Buffer[], upstream: Duplex): void
  /** It holds nothing any more but the rest of the answer, which leaves with the turn. */
  over(): void
}

/**
 * One request at an upstream and the way of its answer to the client: the undici handler that writes
 * into the sink. It uses undici's raw handler methods, because the newer ones fold the
 * header block into an object, which loses order and repetition.
 */
export class Exchange implements Dispatcher.DispatchHandler, Deadlined, Held {
  deadline: number
  slot = -1
  /** performance.now() at the arrival of the upstream's header block; 0 before. */
  answeredAt = 0
  readonly #sink: Sink
  readonly #owner: ExchangeOwner
  readonly #route: RoutePlan
  readonly #place: Place
  readonly #deadlines: Deadlines
  /** The connection that the request waits for or uses. */
  line: Line | undefined
  #options: Dispatcher.DispatchOptions | undefined
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined
  #stopped: Error | undefined
  #over = false
  #endless = false
  #reached = false
  #reused = false
  #renewed = false
  #bodiless = false
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

  /** Starts the request. What undici refuses at once ends as any other failure. */
  start(options: Dispatcher.DispatchOptions): void {
    this.#options = options
    try {
      this.#place.dispatch(options, this)
    } catch (error) {
      this.onError(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Ends it from outside: client gone, session ended, shutdown. Nothing more is read or written. */
  stop(reason: Error): void {
    if (this.#over) return
    this.#stopped = reason
    // Still queued: undici gives the abort only when the request's turn comes, and onConnect uses it then.
    this.#finish()
    this.#abort?.(reason)
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort
    this.#reached = true
    this.#reused = this.line !== undefined && this.line.served++ > 0
    this.#place.reached()
    if (this.#stopped !== undefined) abort(this.#stopped)
  }

  /** Request bytes are progress too: a long upload must not look like a silent upstream. */
  onBodySent(): void {
    if (this.answeredAt === 0) {
      this.deadline = performance.now() + this.#route.upstream.headersTimeout
    }
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, statusText: string): boolean {
    if (this.#over) return false
    if (status < 200) return true
    this.answeredAt = performance.now()
    this.#resume = resume
    const headers = this.#owner.responseHeaders(raw, status)
    this.#bodiless = status === 204 || status === 304
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
    return true
  }

  /** From here on the tunnel keeps its own time; `close` gives back what the exchange holds. */
  onUpgrade(_status: number, raw: Buffer[], upstream: Duplex): void {
    // Without a listener a late error of the socket would end the process (CVE-2026-129500).
    upstream.on('error', () => undefined)
    if (this.#over) return void upstream.destroy()
    this.answeredAt = performance.now()
    this.deadline = Number.POSITIVE_INFINITY
    try {
      if (this.#owner.upgraded === undefined) throw new Error('an upgrade that nobody asked for')
      this.#owner.upgraded(raw, upstream)
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
    // undici wants the bytes that `Content-Length` announces, but in these two answers it announces none.
    if (this.#bodiless && isLengthMismatch(error)) return this.onComplete()
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
    const abort = this.#abort
    this.#stopped = error
    this.onError(error)
    abort?.(error)
  }

  /**
   * Sends the request once more where that is safe: to another target if it never left, or over a new
   * connection if the upstream closed the old one just when a safe request came (RFC 9110 section 9.2.2).
   */
  #again(error: Error): boolean {
    const options = this.#options
    if (options === undefined) return false
    if (!this.#reached) {
      if (!isUnreached(error) || !this.#place.moved()) return false
      // The block begins with `host` and its value.
      if (Array.isArray(options.headers)) options.headers[1] = this.#place.authority
    } else {
      if (!this.#reused || this.#renewed || !isClosed(error) || !isSafe(options)) return false
      this.#renewed = true
      this.#place.renew()
    }
    this.#abort = undefined
    this.#reached = false
    this.start(options)
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
    if (this.#over) return
    this.#progress(performance.now())
    this.#resume?.()
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
