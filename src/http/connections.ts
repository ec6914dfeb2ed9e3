import type { ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'

/** How a server comes to its end. Times are milliseconds. */
export interface Drain {
  /** How long a connection without a request is kept, for the request that may be on its way. */
  readonly linger: number
  /** After so long whatever is still open is cut. */
  readonly patience: number
  /** Called now and again until the end: ends what would not end by itself. */
  sweep(): void
}

export type Connections = ReturnType<typeof createConnections>

const interval = 50

/** The connections of a server, and which of them wait for a next request. */
export const createConnections = (server: Server) => {
  /** The last answer of each. `taken`: the connection is not HTTP any more. */
  const open = new Map<Duplex, ServerResponse | 'taken' | undefined>()
  /** Called when one of them is closed. */
  let left = (): void => undefined
  server.on('connection', socket => {
    open.set(socket, undefined)
    socket.on('close', () => {
      open.delete(socket)
      left()
    })
  })

  const isIdle = (last: ServerResponse | 'taken' | undefined): boolean =>
    last === undefined || (last !== 'taken' && last.writableFinished)
  const cut = (which: (last: ServerResponse | 'taken' | undefined) => boolean) => {
    for (const [socket, last] of open) if (which(last)) socket.destroy()
  }

  return {
    /** A request came in. */
    asked: (socket: Duplex, answer: ServerResponse | 'taken'): void =>
      void open.set(socket, answer),
    /** The answer to the last request, whether it is under way or sent. */
    last: (socket: Duplex): ServerResponse | undefined => {
      const last = open.get(socket)
      return last === 'taken' ? undefined : last
    },
    /** Resolves when the last one is closed; no new one may come. */
    drain: ({ linger, patience, sweep }: Drain): Promise<void> =>
      new Promise(resolve => {
        const began = performance.now()
        const step = () => {
          sweep()
          const age = performance.now() - began
          if (age >= patience) cut(() => true)
          else if (age >= linger) cut(isIdle)
        }
        const clock = setInterval(step, interval)
        left = () => {
          if (open.size > 0) return
          clearInterval(clock)
          resolve()
        }
        step()
        left()
      }),
  }
}
