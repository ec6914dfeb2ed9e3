import { GatewayError } from '../errors.ts'
import type { AnswerHandler, Connection } from './line.ts'
import { isUnreached } from './resend.ts'
import type { Place, Upstream } from './upstream.ts'
import { checkFields } from './upstream-request.ts'

/** Header block flat: name, value, name, value. */
export interface Posted {
  readonly path: string
  readonly headers: readonly string[]
  readonly body: string
}

/** An answer, read to its end. Header block flat; values are bytes as latin1. */
export interface Reply {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** The longest answer that is read, in bytes. */
const mostBytes = 512 * 1024

/**
 * Requests of the gateway's own to an upstream, each over a new connection: one that is kept could be closed
 * by the upstream just then, and what was sent must not be sent twice. Only a target that could not be reached
 * is followed by the next. Rejects where there is no whole answer within `timeout` milliseconds.
 */
export const createPost =
  (upstream: Pick<Upstream, 'take'>, most = mostBytes) =>
  (message: Posted, timeout: number): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const place = upstream.take()
      place.renew()
      new Posting(place, message, timeout, most, resolve, reject).start()
    })

class Posting implements AnswerHandler {
  readonly #place: Place
  readonly #message: Posted
  readonly #most: number
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: Error) => void
  readonly #timer: NodeJS.Timeout
  #connection: Connection | undefined
  #over = false
  #reached = false
  #status = 0
  #headers: string[] = []
  #chunks: Buffer[] = []
  #size = 0

  constructor(
    place: Place,
    message: Posted,
    timeout: number,
    most: number,
    resolve: (reply: Reply) => void,
    reject: (error: Error) => void,
  ) {
    this.#place = place
    this.#message = message
    this.#most = most
    this.#resolve = resolve
    this.#reject = reject
    this.#timer = setTimeout(
      () => this.#fail(new GatewayError('upstream_timeout', `no answer within ${timeout} ms`)),
      timeout,
    )
  }

  start(): void {
    const { path, headers, body } = this.#message
    try {
      checkFields(headers)
    } catch (error) {
      return this.onError(error instanceof Error ? error : new Error(String(error)))
    }
    this.#place.dispatch(
      {
        ...{ path, method: 'POST', headers: ['host', this.#place.authority, ...headers] },
        body: Buffer.from(body),
      },
      this,
    )
  }

  onConnect(connection: Connection): void {
    this.#connection = connection
    // Still in line when its time was over: nothing has been sent, and nothing will be.
    if (this.#over) return connection.abort(this)
    this.#reached = true
    this.#place.reached()
  }

  onHeaders(status: number, headers: string[]): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onData(chunk: Buffer): boolean {
    this.#size += chunk.length
    if (this.#size > this.#most)
      this.#fail(new Error(`the answer has more than ${this.#most} bytes`))
    // A copy: a small one may be a view of a large portion, which would be kept for it.
    else this.#chunks.push(Buffer.from(chunk))
    return true
  }

  onComplete(): void {
    if (this.#over) return
    this.#finish()
    const body = Buffer.concat(this.#chunks)
    this.#resolve({ status: this.#status, headers: this.#headers, body })
  }

  onError(error: Error): void {
    if (this.#over) return
    if (!this.#reached && isUnreached(error) && this.#place.moved()) this.start()
    else this.#fail(error)
  }

  #fail(error: Error): void {
    if (this.#over) return
    this.#finish()
    this.#reject(error)
    this.#connection?.abort(this)
  }

  #finish(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#place.release()
  }
}
