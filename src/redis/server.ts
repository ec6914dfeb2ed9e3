import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Log } from '../log.ts'
import { openConnection } from './client.ts'
import { endProcess } from './end-process.ts'
import { type Identity, identityOf } from './identity.ts'
import { listenTo } from './words.ts'

export interface ServerOptions {
  /** The program. */
  readonly file: string
  readonly dataDir: string
  readonly socket: string
  /** Milliseconds for the server to answer, and later to end. Loading its data does not count. */
  readonly patience: number
  readonly log: Log
  /** Gives up a start. */
  readonly signal: AbortSignal
  /** Told who the server is before it touches anything; if this fails it never does. */
  readonly remember: (identity: Identity) => Promise<void>
}

export interface Server {
  /** Resolves with its last words once the process is gone, for whatever reason. */
  readonly gone: Promise<string>
  /** Has it write everything down and end. False if it cannot be ended. */
  stop(): Promise<boolean>
}

/** From src and dist alike. */
const configFile = fileURLToPath(new URL('../../redis.conf', import.meta.url))

/** A string of redis.conf. */
const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

/** Resolves once the server has loaded its data and answers; rejects if it stays silent, or with the reason of `signal`. */
const ready = async (socket: string, patience: number, signal: AbortSignal): Promise<void> => {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  const deadline = performance.now() + patience
  for (;;) {
    // While it loads its data it answers, if only now and then.
    const plan = { url: `unix://${socket}`, commandTimeout: patience }
    const connection = openConnection(plan, { retryStrategy: () => null })
    connection.on('error', () => undefined)
    try {
      return await Promise.race([connection.connect(), aborted])
    } catch (error) {
      signal.throwIfAborted()
      if (performance.now() > deadline) throw error
      await sleep(20)
    } finally {
      connection.disconnect()
    }
  }
}

/**
 * Starts a private Redis server that answers on a socket only. Rejects with its last words if it never
 * comes to answer.
 */
export const startServer = async (options: ServerOptions): Promise<Server> => {
  const { file, dataDir, socket, patience, log, signal, remember } = options
  // A session of its own: Ctrl-C in a terminal is for the gateway, which still has requests to finish.
  const child = spawn(
    file,
    [configFile, '--port', '0', '--unixsocketperm', '700', '--maxclients', '200', '-'],
    { detached: true, cwd: '/', env: { LC_ALL: 'C' } },
  )
  child.stdin.on('error', () => undefined)
  const lastWords = listenTo(child.stdout, child.stderr, log)
  const closed = new Promise(resolve => child.once('close', resolve))
  const gone = new Promise<string>(resolve => {
    child.once('exit', async (code, name) => {
      process.off('exit', mayGo)
      // A child of its own, writing the data anew, may keep its output open. The turn is for last words
      // that wait in the pipe: after a stall of this process its timers run before they are read.
      await Promise.race([closed, sleep(500).then(() => turn())])
      resolve(lastWords() || `it ended with ${name ?? code}`)
    })
  })
  const mayGo = () => void child.kill('SIGTERM')
  await once(child, 'spawn')
  process.once('exit', mayGo)
  const identity = await identityOf(Number(child.pid)).catch((error: unknown) => {
    child.stdin.end()
    throw error
  })
  const stop = async () => {
    if (identity !== undefined && !(await endProcess(identity, patience))) return false
    await gone
    return true
  }

  const ended = new AbortController()
  void gone.then(words => ended.abort(new Error(words)))
  try {
    // It reads the rest of its config (the last argument, -) before anything else, and without the rest
    // it has nowhere to listen and ends: a server that nobody remembers never opens the data.
    if (identity !== undefined) await remember(identity)
    child.stdin.end(`unixsocket ${quote(socket)}\ndir ${quote(dataDir)}\n`)
    await ready(socket, patience, AbortSignal.any([signal, ended.signal]))
    return { gone, stop }
  } catch (error) {
    child.stdin.end()
    await stop()
    throw error
  }
}
