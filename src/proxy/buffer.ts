import type { Sink } from './sink.ts'

export interface Buffered {
  readonly status: number
  /** Flat: name, value, name, value. */
  readonly headers: string[]
  readonly body: Buffer
}

/**
 * A sink that keeps a whole answer, at most `limit` bytes of it. `done` gets the answer, or undefined
 * where it was longer. Its header block never counts as sent: until `done`, a failure can still be
 * answered.
 */
export const createBuffer = (limit: number, done: (answer: Buffered | undefined) => void): Sink => {
  const chunks: Buffer[] = []
  let size = 0
  let status = 0
  let headers: string[] = []
  return {
    headersSent: false,
    socket: null,
    writeHead: (code, _text, block) => {
      status = code
      headers = block
    },
    flushHeaders: () => undefined,
    write: chunk => {
      size += chunk.length
      // A copy: a small one may be a view of a large portion, which would be kept for it.
      if (size <= limit) chunks.push(Buffer.from(chunk))
      else chunks.length = 0
      return true
    },
    once: () => undefined,
    end: () => done(size <= limit ? { status, headers, body: Buffer.concat(chunks) } : undefined),
    destroy: () => undefined,
  }
}
