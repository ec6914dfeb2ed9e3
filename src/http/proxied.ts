import { GatewayError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import type { Exchange, ExchangeOwner } from '../proxy/exchange.ts'
import type { Session } from '../session/store.ts'
import type { Closer, StreamEnd, Streams } from '../session/streams.ts'
import type { Context } from './context.ts'
import type { EventStreams } from './event-streams.ts'

/** What a proxied request needs of the pipeline. */
export interface ProxiedParts {
  responseHeaders(context: Context, received: readonly string[]): string[]
  failed(context: Context, error: unknown): void
  readonly streams: Streams
  readonly cuts: Metrics['streamsCut']
  readonly eventStreams: EventStreams
}

/**
 * A request that has been let through: ties its exchange to the client (who may leave) and to its
 * session (which may end). Registered under the session before it is queued, so that an end that
 * comes at any moment finds it.
 */
export class Proxied implements ExchangeOwner, Closer {
  protected readonly context: Context
  readonly #parts: ProxiedParts
  readonly #session: Session | undefined
  #endless = false
  exchange: Exchange | undefined

  constructor(context: Context, session: Session | undefined, parts: ProxiedParts) {
    this.context = context
    this.#session = session
    this.#parts = parts
    if (session !== undefined) parts.streams.add(session, this)
  }

  responseHeaders(received: readonly string[]): string[] {
    this.context.answeredAt = this.exchange?.answeredAt ?? 0
    return this.#parts.responseHeaders(this.context, received)
  }

  failed(error: unknown): void {
    this.#parts.failed(this.context, error)
  }

  endless(): void {
    this.#endless = true
    this.#parts.eventStreams.add(this)
  }

  over(): void {
    this.context.trace?.received()
    if (this.#endless) this.#parts.eventStreams.remove(this)
    if (this.#session !== undefined) this.#parts.streams.remove(this.#session, this)
  }

  /** The gateway goes away in the middle of an event stream: the client connects again, elsewhere. */
  end(): void {
    this.exchange?.stop(new Error('the gateway goes away'))
    this.context.res.end()
  }

  /** The client is gone. */
  left(): void {
    this.exchange?.stop(new Error('the client went away'))
  }

  /** The session ended: what is under way is cut; where nothing has been answered, the client is told. */
  cut(reason: StreamEnd): void {
    this.#parts.cuts.inc({ reason })
    const { res } = this.context
    this.exchange?.stop(new Error(`the session is over: ${reason}`))
    if (res.headersSent) {
      res.destroy()
      return
    }
    const code = reason === 'outage' ? 'redis_unavailable' : 'no_session'
    this.#parts.failed(this.context, new GatewayError(code, `cut: ${reason}`))
  }
}
