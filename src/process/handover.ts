import type { Socket } from 'node:net'
import type { Worker } from './spawn.ts'
import { within } from './within.ts'

export type Handover = ReturnType<typeof createHandover>

/**
 * Gives connections to the workers in turn. A worker gets the next one when it has taken the last, so
 * that one which is stuck holds up no other; what a worker never took goes to another.
 */
export const createHandover = () => {
  const known = new Set<Worker>()
  const free: Worker[] = []
  const waiting: Socket[] = []
  const onWay = new Set<Promise<void>>()

  const give = async (worker: Worker, socket: Socket): Promise<void> => {
    try {
      await worker.call('connection', undefined, socket)
      // It has a connection of its own now: the same one.
      socket.destroy()
      if (known.has(worker)) free.push(worker)
    } catch {
      waiting.unshift(socket)
    }
  }

  const pass = (): void => {
    for (;;) {
      const worker = waiting.length > 0 ? free.shift() : undefined
      const socket = worker && waiting.shift()
      if (worker === undefined || socket === undefined) return
      const given = give(worker, socket).finally(() => {
        onWay.delete(given)
        pass()
      })
      onWay.add(given)
    }
  }

  const emptied = async (): Promise<void> => {
    while (onWay.size > 0) await Promise.race(onWay)
  }

  return {
    /** From now on this one takes its turn. */
    add: (worker: Worker): void => {
      known.add(worker)
      free.push(worker)
      pass()
    },
    remove: (worker: Worker): void => {
      known.delete(worker)
      if (free.includes(worker)) free.splice(free.indexOf(worker), 1)
    },
    /** A connection that nobody has read from (`pauseOnConnect`). */
    take: (socket: Socket): void => {
      socket.on('error', () => undefined)
      waiting.push(socket)
      pass()
    },
    /** Resolves when every connection has been taken; what is left after so many milliseconds is cut. */
    finish: async (patience: number): Promise<void> => {
      await within(patience, emptied()).catch(() => undefined)
      for (const socket of waiting.splice(0)) socket.destroy()
    },
  }
}
