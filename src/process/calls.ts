import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Config } from '../config/schema.ts'
import { SetupError } from '../errors.ts'
import type { Ending } from '../gateway.ts'
import type { Measured } from '../metrics/gathered.ts'
import type { RedisPlan } from '../redis/options.ts'

/** What a worker begins with. */
export interface Start {
  readonly worker: number
  /** Without problems: the primary has checked it. */
  readonly config: Config
  readonly redis: RedisPlan
}

export interface Report {
  readonly metrics: Measured
  /** What an operator should know. */
  readonly notes: readonly string[]
}

/** What a worker can be told. */
export interface Calls {
  start(value: Start): void
  /** A connection comes with it. */
  connection(value: undefined): void
  /** Makes a config ready, and changes nothing; `commit` or `abandon` follows. */
  prepare(value: Config): void
  commit(value: undefined): void
  abandon(value: undefined): void
  report(value: undefined): Report
  /** Its last: the process ends after it. */
  drain(value: Ending): void
}

type Name = keyof Calls
type Taken<N extends Name> = Parameters<Calls[N]>[0]
type Given<N extends Name> = ReturnType<Calls[N]>

/** Both ends are the same program, so what comes is what was sent. */
interface Call<N extends Name> {
  readonly call: number
  readonly name: N
  readonly value: Taken<N>
}

interface Answer {
  readonly call: number
  readonly value?: unknown
  readonly failure?: { readonly message: string; readonly isSetup: boolean }
}

export type Caller = ReturnType<typeof createCaller>

/**
 * Calls of a child process. Each rejects with what went wrong there, or when the child is gone; none has a
 * time limit of its own. A connection that goes with one stays open here too.
 */
export const createCaller = (child: ChildProcess) => {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let calls = 0

  child.on('message', ({ call, value, failure }: Answer) => {
    const asked = waiting.get(call)
    waiting.delete(call)
    if (failure === undefined) asked?.resolve(value)
    else {
      const { message, isSetup } = failure
      asked?.reject(isSetup ? new SetupError(message) : new Error(message))
    }
  })
  let gone = false
  const fail = (): void => {
    gone = true
    for (const { reject } of waiting.values()) reject(new Error('the worker is gone'))
    waiting.clear()
  }
  child.once('disconnect', fail)
  // There is no such event where a connection was on its way. What the child said last is read first.
  child.once('exit', () => setImmediate(fail))

  return <N extends Name>(name: N, value: Taken<N>, socket?: Socket): Promise<Given<N>> =>
    new Promise((resolve, reject) => {
      if (gone) return reject(new Error('the worker is gone'))
      const call = ++calls
      waiting.set(call, { resolve, reject })
      child.send({ call, name, value }, socket, { keepOpen: true }, error => {
        if (error === null || !waiting.delete(call)) return
        reject(error)
      })
    })
}

export type Handlers = {
  readonly [N in Name]: (
    value: Taken<N>,
    socket: Socket | undefined,
  ) => Given<N> | Promise<Given<N>>
}

const answer = (message: Answer): Promise<void> =>
  // The parent may be gone, and then nobody is left to tell.
  new Promise(resolve => process.send?.(message, undefined, undefined, () => resolve()))

/** Answers the calls of the parent process, each as soon as it comes. `ended` is called after the answer to `drain`. */
export const answerCalls = (handlers: Handlers, ended: () => void): void => {
  const handle = async <N extends Name>(
    { call, name, value }: Call<N>,
    socket: Socket | undefined,
  ): Promise<void> => {
    try {
      await answer({ call, value: await handlers[name](value, socket) })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      await answer({ call, failure: { message, isSetup: error instanceof SetupError } })
    }
    if (name === 'drain') ended()
  }
  process.on('message', (call: Call<Name>, socket?: Socket) => void handle(call, socket))
}
