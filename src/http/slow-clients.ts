import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { late } from '../proxy/request-body.ts'

/** How long clients are waited for (RL-03), in ms. */
export interface Patience {
  /** For a header block. */
  readonly headers: number
  /** For the next `bodyBytes` of a body that we are ready to read. */
  readonly body: number
  /** The least that has to come in that time: a byte now and then is no progress. */
  readonly bodyBytes: number
  /** For a client to take anything of what was sent to it, as nginx's send_timeout. */
  readonly reading: number
}

export const usualPatience: Patience = {
  headers: 15_000,
  body: 30_000,
  bodyBytes: 8 * 1024,
  reading: 60_000,
}

/** What had come or gone when there was progress last, and when that was. */
interface Progress {
  bytes: number
  at: number
}

/**
 * Cuts clients that neither send nor read: one sweep over all of them now and then costs less than
 * a timer for each. Time in which we do not read a body ourselves is not the client's.
 */
export const createSlowClients = ({ body, bodyBytes, reading }: Patience) => {
  const bodies = new Map<IncomingMessage, Progress>()
  const sockets = new Map<Socket, Progress>()

  const sweep = (): void => {
    const now = performance.now()
    for (const [req, progress] of bodies) {
      // Once answered early, its request is neither, and stays so when its socket goes.
      if (req.complete || req.destroyed || req.socket.destroyed) {
        bodies.delete(req)
        continue
      }
      const { bytesRead } = req.socket
      if (req.readableFlowing !== true || bytesRead - progress.bytes >= bodyBytes) {
        progress.bytes = bytesRead
        progress.at = now
      } else if (now - progress.at >= body) {
        bodies.delete(req)
        // Who reads it may have an answer to give; where nobody does, there is none.
        if (!req.emit(late)) req.socket.destroy()
      }
    }
    for (const [socket, progress] of sockets) {
      const taken = socket.bytesWritten - socket.writableLength
      if (socket.writableLength === 0 || taken !== progress.bytes) {
        progress.bytes = taken
        progress.at = now
      } else if (now - progress.at >= reading) socket.destroy()
    }
  }
  const timer = setInterval(sweep, Math.min(body, reading) / 6)
  timer.unref()

  return {
    /** A request with a body has come. */
    receiving: (req: IncomingMessage): void => {
      bodies.set(req, { bytes: req.socket.bytesRead, at: performance.now() })
    },
    /** A client has connected. */
    connected: (socket: Socket): void => {
      sockets.set(socket, { bytes: 0, at: performance.now() })
      socket.once('close', () => sockets.delete(socket))
    },
    /** How many bodies are waited for. */
    waiting: (): number => bodies.size,
    close: (): void => clearInterval(timer),
  }
}
