import { SetupError } from '../errors.ts'
import type { Log } from '../log.ts'
import { findServer } from './binary.ts'
import { discardSocket, placeSocket, prepareDataDir } from './data-dir.ts'
import { keepRunning } from './keep-running.ts'
import { acquireLock } from './lock.ts'
import { endRemembered, forgetServer, recallServer, rememberServer } from './orphan.ts'
import { startServer } from './server.ts'

export interface EmbeddedOptions {
  /** Absolute; made where there is none. */
  readonly dataDir: string
  readonly log: Log
  /** Milliseconds for the server to answer after its start, and to end. */
  readonly patience?: number
}

export interface Embedded {
  /** `unix://…`, the same for as long as this lives. */
  readonly url: string
  /** Resolves when everything is on the disk and the data folder is free for another gateway. */
  close(): Promise<void>
}

/**
 * Starts a Redis of the gateway's own on the data of a folder that no other gateway has, and keeps it
 * running. Throws `SetupError` where it cannot be started.
 */
export const startEmbedded = async (options: EmbeddedOptions): Promise<Embedded> => {
  const { log, patience = 10_000 } = options
  const { PATH = '' } = process.env
  const file = await findServer(PATH)
  const dataDir = await prepareDataDir(options.dataDir, log)
  const lock = await acquireLock(dataDir)
  const closing = new AbortController()
  const left = await recallServer(dataDir)
  let socket = ''

  const start = async () => {
    await endRemembered(dataDir, patience, log)
    return startServer({
      ...{ file, dataDir, socket, patience, log, signal: closing.signal },
      remember: server => rememberServer(dataDir, { server, socket }),
    })
  }

  try {
    await endRemembered(dataDir, patience, log)
    if (left !== undefined) await discardSocket(left.socket)
    socket = await placeSocket(dataDir, log)
    const ended = keepRunning(await start(), start, closing.signal, log)
    return {
      url: `unix://${socket}`,
      close: async () => {
        closing.abort()
        // A server that cannot be ended still has the data: the next gateway must not take it for free.
        if (!(await ended)) return log.error({ dataDir }, 'the embedded Redis cannot be ended')
        await forgetServer(dataDir)
        await discardSocket(socket)
        await lock.release()
      },
    }
  } catch (cause) {
    await discardSocket(socket)
    await lock.release()
    if (cause instanceof SetupError || !(cause instanceof Error)) throw cause
    throw new SetupError(`the embedded Redis did not start: ${cause.message}`, { cause })
  }
}
