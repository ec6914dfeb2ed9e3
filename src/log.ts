import { pino } from 'pino'
import { SetupError } from './errors.ts'
import { openStandardOutput } from './log/standard-output.ts'

export type Log = pino.Logger

/** A JWS or JWE in compact form: base64url parts joined by dots, the first the JSON of its header. */
const compactJose = /[\w-]*eyJ[\w-]+(?:\.[\w-]*){1,4}/g
/** Something that could be a ticket: 43 characters of base64url, no more, no less. */
const ticketShape = /(?<![\w-])[\w-]{43}(?![\w-])/g

/** Takes out of a text whatever looks like a token or a ticket, so that an error message may be logged. */
export const scrub = (text: string): string =>
  text.length < 20 ? text : text.replace(compactJose, '[token]').replace(ticketShape, '[ticket]')

interface LoggedError {
  type: string
  message: string
  code?: string
  stack?: string
  cause?: LoggedError
}

/**
 * What is logged of an error: never its own properties, because those of HTTP and Redis clients hold
 * request headers and command arguments.
 */
export const serializeError = (error: unknown, depth = 0): LoggedError => {
  if (!(error instanceof Error)) return { type: typeof error, message: scrub(String(error)) }
  const logged: LoggedError = { type: error.name, message: scrub(error.message) }
  if ('code' in error && typeof error.code === 'string') logged.code = error.code
  if (error.stack !== undefined) logged.stack = scrub(error.stack)
  if (error.cause !== undefined && depth < 4) logged.cause = serializeError(error.cause, depth + 1)
  return logged
}

/** ISO 8601 in UTC as a field of pino's line, worked out once a millisecond. */
const createTimestamp = () => {
  let at = 0
  let field = ''
  return (): string => {
    const now = Date.now()
    if (now !== at) {
      at = now
      field = `,"time":"${new Date(now).toISOString()}"`
    }
    return field
  }
}

/**
 * The log: JSON lines on `destination` (default: standard output). `level` is one of pino's, or `silent`.
 * Errors go under `err`; requests, responses and headers are never handed to it.
 */
export const createLog = (
  level: string,
  destination: pino.DestinationStream = openStandardOutput('alone'),
): Log =>
  pino(
    {
      level,
      base: null,
      timestamp: createTimestamp(),
      formatters: { level: label => ({ level: label }) },
      serializers: { err: serializeError, req: () => undefined, res: () => undefined },
    },
    destination,
  )

/**
 * The log of one of several processes that write to the same standard output: each line says which
 * `worker` it is from.
 */
export const createWorkerLog = (level: string, worker: number): Log =>
  createLog(level, openStandardOutput('shared')).child({ worker })

/** What pino keeps under these symbols, which it exports for those who build on it. */
interface Inner {
  readonly [pino.symbols.streamSym]: pino.DestinationStream
  readonly [pino.symbols.chindingsSym]: string
  readonly [pino.symbols.timeSym]: () => string
}

/**
 * Writes lines of level `info` whose fields are JSON already: what a line for each request costs is mostly pino's
 * look at each of its fields. `msg` is plain words. Whether the level is enabled is for the caller to ask.
 */
export const createLineWriter = (log: Log): ((fields: string, msg: string) => void) => {
  const inner = log as Log & Inner
  const stream = inner[pino.symbols.streamSym]
  const time = inner[pino.symbols.timeSym]
  const bindings = inner[pino.symbols.chindingsSym]
  return (fields, msg) =>
    void stream.write(`{"level":"info"${time()}${bindings},${fields},"msg":"${msg}"}\n`)
}

/**
 * A log that is appended to a file, which is made with mode 0600 where there is none. Each line is in the
 * file when the call returns; one that cannot be written is told to `log`. Throws `SetupError` for a file
 * that cannot be opened.
 */
export const openFileLog = (file: string, log: Log): { log: Log; close(): void } => {
  try {
    const destination = pino.destination({ dest: file, append: true, sync: true, mode: 0o600 })
    destination.on('error', (err: Error) => log.error({ err, file }, 'a line could not be written'))
    return { log: createLog('info', destination), close: () => destination.end() }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause
    throw new SetupError(`${file} cannot be written to: ${reason}`, { cause })
  }
}
