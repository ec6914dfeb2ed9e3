import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { GatewayError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import type { Deadlines } from '../proxy/deadlines.ts'
import { Tunnel } from '../proxy/tunnel.ts'
import { asksForWebSocket, switchHeaders, wrongWithSwitch } from '../proxy/upgrade.ts'
import type { Session } from '../session/session.ts'
import type { StreamEnd } from '../session/streams.ts'
import type { Context } from './context.ts'
import { Proxied, type ProxiedParts } from './proxied.ts'

/** A client that asked for a WebSocket and waits. */
export interface Upgrade {
  readonly socket: Duplex
  /** Ends the waiting; gives what the client sent before it had an answer. */
  take(): Buffer
}

/**
 * Reads on while the client waits, so that its leaving is noticed, but keeps one chunk at most: what it
 * sends before the answer must not reach the upstream before the upstream agreed.
 */
const holdBack = (socket: Duplex, head: Buffer): Upgrade => {
  const held = [head]
  const keep = (chunk: Buffer): void => {
    held.push(chunk)
    socket.pause()
  }
  const leave = (): void => void socket.destroy()
  socket.on('data', keep)
  socket.on('end', leave)
  return {
    socket,
    take: () => {
      socket.off('data', keep)
      socket.off('end', leave)
      socket.pause()
      return Buffer.concat(held)
    },
  }
}

/**
 * Node hands over the bare socket of a request with `Upgrade`. This gives it a response again, so that
 * whatever is not a tunnel is answered as any request, with Node's framing, and then closed: the
 * connection can become neither a tunnel nor a next request (WS-05). Undefined where there is nobody to answer.
 */
export const receiveUpgrade = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): { res: ServerResponse; upgrade: Upgrade | undefined } | undefined => {
  socket.on('error', () => undefined)
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  try {
    res.assignSocket(req.socket)
  } catch {
    // Pipelined behind a request that has no answer yet: whose bytes would be whose?
    socket.destroy()
    return undefined
  }
  socket.on('drain', () => void res.emit('drain'))
  res.on('finish', () => void socket.end(() => socket.destroy()))
  if (asksForWebSocket(req)) return { res, upgrade: holdBack(socket, head) }
  socket.resume()
  return { res, upgrade: undefined }
}

/** What the client is told of the end of its session (RFC 6455 section 7.4.2). Redis being away is no log-out. */
const closings: Readonly<Record<StreamEnd, readonly [code: number, reason: string]>> = {
  ended: [4401, 'session ended'],
  expired: [4401, 'session expired'],
  replaced: [4409, 'session replaced'],
  outage: [1013, 'sessions cannot be read'],
}

/** Tunnels that one session may have open. */
const tunnelsPerSession = 64

export type Tunnels = ReturnType<typeof createTunnels>

/** The WebSockets that are open or about to be. */
export const createTunnels = (metrics: Metrics) => {
  const open = new Set<Upgraded>()
  const bySession = new Map<string, number>()
  const gauge = metrics.openStreams.labels('websocket')
  return {
    /** Throws `too_many_requests` where the session has as many as it may. */
    check: (session: Session | undefined): void => {
      if (session === undefined) return
      if ((bySession.get(session.handle) ?? 0) < tunnelsPerSession) return
      throw new GatewayError('too_many_requests', `${tunnelsPerSession} tunnels of a session`)
    },
    add: (tunnel: Upgraded, session: Session | undefined): void => {
      open.add(tunnel)
      gauge.set(open.size)
      if (session === undefined) return
      bySession.set(session.handle, (bySession.get(session.handle) ?? 0) + 1)
    },
    remove: (tunnel: Upgraded, session: Session | undefined): void => {
      if (!open.delete(tunnel)) return
      gauge.set(open.size)
      if (session === undefined) return
      const left = (bySession.get(session.handle) ?? 1) - 1
      if (left > 0) bySession.set(session.handle, left)
      else bySession.delete(session.handle)
    },
    /** The gateway goes away (RFC 6455 section 7.4.1). */
    closeAll: (): void => {
      for (const tunnel of open) tunnel.close(1001, 'going away')
    },
  }
}

export interface UpgradedParts extends ProxiedParts {
  readonly tunnels: Tunnels
  readonly deadlines: Deadlines
  /** The client sent something. */
  active(session: Session): void
}

/** A request for a WebSocket that has been let through: a proxied request until the upstream agrees, then a tunnel. */
export class Upgraded extends Proxied {
  readonly #upgrade: Upgrade
  readonly #session: Session | undefined
  readonly #parts: UpgradedParts
  #tunnel: Tunnel | undefined

  constructor(
    context: Context,
    upgrade: Upgrade,
    session: Session | undefined,
    parts: UpgradedParts,
  ) {
    super(context, session, parts)
    this.#upgrade = upgrade
    this.#session = session
    this.#parts = parts
    parts.tunnels.add(this, session)
  }

  upgraded(received: readonly string[], upstream: Duplex): void {
    const { req, res, route } = this.context
    const wrong = wrongWithSwitch(received, req)
    if (wrong !== undefined) throw new GatewayError('upstream_failed', wrong)
    res.writeHead(101, switchHeaders(this.responseHeaders(received)))
    res.flushHeaders()
    const session = route?.slide === true ? this.#session : undefined
    this.#tunnel = new Tunnel({
      client: this.#upgrade.socket,
      upstream,
      early: this.#upgrade.take(),
      owner: {
        active: () => session !== undefined && this.#parts.active(session),
        over: () => this.exchange?.close(),
      },
      deadlines: this.#parts.deadlines,
      halfOpenTime: route?.upstream.idleTimeout ?? 0,
    })
  }

  override over(): void {
    super.over()
    this.#parts.tunnels.remove(this, this.#session)
  }

  /** Once there is a tunnel, it sees for itself that its client is gone. */
  override left(): void {
    if (this.#tunnel === undefined) super.left()
  }

  override cut(reason: StreamEnd): void {
    if (this.#tunnel === undefined) return super.cut(reason)
    this.#parts.cuts.inc({ reason })
    this.#tunnel.close(...closings[reason])
  }

  close(code: number, reason: string): void {
    if (this.#tunnel !== undefined) return this.#tunnel.close(code, reason)
    // An answer that is no tunnel is finished like any other.
    if (this.context.res.headersSent) return
    this.exchange?.stop(new Error(reason))
    this.failed(new GatewayError('closing', reason))
  }
}
