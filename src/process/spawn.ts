import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SetupError } from '../errors.ts'
import { type Caller, createCaller, type Start } from './calls.ts'
import { heapOptions } from './heap.ts'
import { within } from './within.ts'

export interface Worker {
  readonly id: number
  readonly pid: number | undefined
  readonly call: Caller
  /** Resolves with the reason once the process is gone. */
  readonly gone: Promise<string>
  /** At once. */
  kill(): void
}

/** Milliseconds for a worker to come up. */
const patience = 30_000

/** From src and dist alike. */
const program = fileURLToPath(
  new URL(`./worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
)

/** Resolves when the process is there no more, or never was. */
const ending = (child: ChildProcess): Promise<string> =>
  new Promise(resolve => {
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code}`))
    child.once('error', error => resolve(error.message))
  })

/** A worker process that is ready for connections. Rejects, and leaves none behind, where it does not come up. */
export const spawnWorker = async (start: Start, alive: Set<ChildProcess>): Promise<Worker> => {
  const child = fork(program, [String(start.worker)], {
    execArgv: [...process.execArgv, ...heapOptions],
    serialization: 'advanced',
  })
  alive.add(child)
  const gone = ending(child).finally(() => alive.delete(child))
  const call = createCaller(child)
  const kill = () => void child.kill('SIGKILL')
  try {
    await within(patience, call('start', start))
  } catch (cause) {
    const ended = child.exitCode !== null || child.signalCode !== null
    kill()
    const end = await gone
    if (cause instanceof SetupError) throw cause
    const reason = ended || !(cause instanceof Error) ? end : cause.message
    throw new Error(`worker ${start.worker} does not start: ${reason}`, { cause })
  }
  return { id: start.worker, pid: child.pid, call, gone, kill }
}
