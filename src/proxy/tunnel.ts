import type { Duplex } from 'node:stream'
import type { Deadlined, Deadlines } from './deadlines.ts'
import { closeFrame, Frames } from './frames.ts'

/** Whoever opened a tunnel. */
export interface TunnelOwner {
  /** The client sent something. */
  active(): void
  /** Told once: both sockets are closed or about to be. */
  over(): void
}

export interface TunnelOptions {
  readonly client: Duplex
  readonly upstream: Duplex
  /** What the client sent before the upstream agreed. */
  readonly early: Buffer
  readonly owner: TunnelOwner
  readonly deadlines: Deadlines
  /** Milliseconds that the second end of a tunnel may stay open after the first. */
  readonly halfOpenTime: number
}

/** Milliseconds without a byte in either direction after which a tunnel is closed. */
const idleTime = 3_600_000
/** Milliseconds that a close may take: the end of the frame under way, and a client that reads. */
const closingTime = 1_000

/**
 * Bytes both ways between a client and its upstream, no more under way than the sockets hold. An end at
 * one side is an end at the other. `close` puts in a frame of ours.
 */
export class Tunnel implements Deadlined {
  slot = -1
  deadline = performance.now() + idleTime
  readonly #options: TunnelOptions
  readonly #frames = new Frames()
  #halfOpen = false
  #closing: Buffer | undefined
  #over = false

  constructor(options: TunnelOptions) {
    this.#options = options
    const { client, upstream, early, deadlines } = options
    deadlines.add(this)
    client.on('error', this.#broken)
    upstream.on('error', this.#broken)
    client.on('close', this.#broken)
    upstream.on('close', this.#upstreamClosed)
    client.on('end', this.#clientEnded)
    upstream.on('end', this.#upstreamEnded)
    client.on('drain', () => upstream.resume())
    upstream.on('drain', () => client.resume())
    if (early.length > 0) upstream.write(early)
    client.on('data', this.#fromClient)
    upstream.on('data', this.#fromUpstream)
    client.resume()
    upstream.resume()
    if (client.destroyed) this.#broken()
  }

  /**
   * Ends the tunnel: nothing more goes upstream, and the client gets a Close frame at the next end of a
   * frame. A client that cannot be told within a second or so is cut off.
   */
  close(code: number, reason: string): void {
    if (this.#over || this.#closing !== undefined) return
    const { client } = this.#options
    if (client.writableEnded) return this.#broken()
    this.#closing = closeFrame(code, reason)
    this.deadline = performance.now() + closingTime
    client.off('data', this.#fromClient)
    // What it still sends is thrown away, so that its own end is noticed and no reset overtakes the frame.
    client.resume()
    if (this.#frames.whole) this.#tell(this.#closing)
  }

  expire(): void {
    if (this.#closing === undefined && !this.#halfOpen) this.close(1001, 'idle')
    else this.#broken()
  }

  readonly #fromClient = (chunk: Buffer): void => {
    const { client, upstream, owner } = this.#options
    this.#moved()
    owner.active()
    // It ended first and gets nothing more; the client is about to see that end.
    if (upstream.readableEnded || !upstream.writable) return
    if (!upstream.write(chunk)) client.pause()
  }

  readonly #fromUpstream = (chunk: Buffer): void => {
    const { client, upstream } = this.#options
    if (this.#closing !== undefined) {
      client.write(chunk.subarray(0, this.#frames.finish(chunk)))
      if (this.#frames.whole) this.#tell(this.#closing)
      return
    }
    this.#moved()
    this.#frames.read(chunk)
    if (!client.write(chunk)) upstream.pause()
  }

  #tell(frame: Buffer): void {
    this.#options.upstream.destroy()
    this.#options.client.end(frame)
  }

  #moved(): void {
    if (!this.#halfOpen) this.deadline = performance.now() + idleTime
  }

  readonly #clientEnded = (): void => {
    this.#options.upstream.end()
    this.#ended()
  }

  readonly #upstreamEnded = (): void => {
    // Half a frame is not an end that a client could understand.
    if (this.#closing !== undefined) return this.#broken()
    this.#options.client.end()
    this.#ended()
  }

  #ended(): void {
    if (this.#halfOpen || this.#closing !== undefined) return
    this.#halfOpen = true
    this.deadline = performance.now() + this.#options.halfOpenTime
  }

  /** After its end, the client may still be reading what came before. */
  readonly #upstreamClosed = (): void => {
    if (!this.#options.client.writableEnded) this.#broken()
  }

  readonly #broken = (): void => {
    if (this.#over) return
    this.#over = true
    this.#options.deadlines.remove(this)
    this.#options.client.destroy()
    this.#options.upstream.destroy()
    this.#options.owner.over()
  }
}
