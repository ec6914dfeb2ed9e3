import { buildConnector, Client, type Dispatcher, errors } from 'undici'

/** Whoever is to know on which connection a request went. */
export type Handler = Dispatcher.DispatchHandler & { line?: Line | undefined }

/** One connection at a time, and how many requests the present one has served. */
export class Line extends Client {
  served = 0
  connected = false
  /** It waits for a request. */
  free = false

  constructor(origin: string, options: Client.Options) {
    super(origin, options)
    this.on('connect', () => {
      this.connected = true
      this.served = 0
    })
    this.on('disconnect', () => {
      this.connected = false
    })
  }

  get busy(): boolean {
    return this.stats.size > 0
  }
}

export interface LinesOptions {
  readonly origin: string
  readonly socketPath: string | undefined
  readonly client: Client.Options
  readonly connector: buildConnector.BuildOptions
  /** A connection ended. */
  readonly lost: (error: Error) => void
}

/**
 * The connections to one target. The one that was used last is used first, so that those too many grow old and are
 * closed; where none is free, one more is opened. Finding one costs the same however many there are: thousands may
 * hold streams.
 */
export class Lines {
  readonly #free: Line[] = []
  readonly #all = new Set<Line>()
  readonly #open: () => Line
  #closed = false

  constructor({ origin, socketPath, client, connector, lost }: LinesOptions) {
    // One for all of them: they resume each other's TLS sessions.
    const connect = buildConnector({
      ...connector,
      ...(socketPath !== undefined && { socketPath }),
    })
    this.#open = () => {
      const line = new Line(origin, { ...client, connect })
      this.#all.add(line)
      line.on('drain', () => this.#released(line))
      line.on('disconnect', (_origin, _lines, error) => {
        lost(error)
        if (!line.free) return
        this.#free.splice(this.#free.indexOf(line), 1)
        this.#drop(line)
      })
      return line
    }
  }

  /** How many connections there are, or are about to be. */
  get size(): number {
    return this.#all.size
  }

  /** Sends a request on a connection of its own. Its handler is told of all that goes wrong. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Handler): void {
    // A second attempt may come after the end of what the first was part of.
    if (this.#closed) return handler.onError?.(new errors.ClientClosedError())
    const line = this.#free.pop() ?? this.#open()
    line.free = false
    handler.line = line
    line.dispatch(options, handler)
    // What undici refuses at once takes no connection.
    if (!line.busy) this.#released(line)
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#all].map(line => line.close()))
  }

  async destroy(): Promise<void> {
    this.#closed = true
    const all = [...this.#all]
    this.#all.clear()
    await Promise.all(all.map(line => line.destroy()))
  }

  #released(line: Line): void {
    if (line.free || line.busy) return
    if (!line.connected) return this.#drop(line)
    line.free = true
    this.#free.push(line)
  }

  #drop(line: Line): void {
    if (!this.#all.delete(line)) return
    line.destroy().catch(() => undefined)
  }
}
