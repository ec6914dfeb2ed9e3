import { write, writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'

/** Milliseconds that a line waits at most. */
const patience = 100
/** Milliseconds until a reader that has no room is tried again. */
const pause = 10
/** Milliseconds that the end of the process waits for such a reader. */
const lastPatience = 1_000
/** Bytes that are kept while nothing can be written. */
const mostKept = 16 * 1024 * 1024
/** From how many bytes on lines are written, and how many are at most written at once. */
const sizes = {
  alone: { enough: 12_288, most: 16_384 },
  // What a pipe takes as a whole or not at all (PIPE_BUF), so that lines of several processes do not mix.
  shared: { enough: 3_072, most: 4_096 },
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

const sleep = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/**
 * Standard output for whole lines, in portions: a write for each line would cost more than the line. `shared` is for
 * several processes that write to the same; there a line must be no longer than 4 KB. Nothing waits for whoever
 * reads: what cannot be written (no room, a full disk) is kept and tried again, what comes on top of 16 MB is lost. If
 * the reader is gone all is lost. No library for it: those at hand try for ever at the end of the process.
 */
export const openStandardOutput = (use: keyof typeof sizes): DestinationStream => {
  const { enough, most } = sizes[use]
  // Node makes a pipe non-blocking when it is asked for this.
  const { fd } = process.stdout
  const portions: Buffer[] = []
  let kept = 0
  /** `waiting`: until what failed is tried again, whoever asks. */
  let state: 'idle' | 'writing' | 'waiting' = 'idle'
  let gone = false
  let lines = ''
  let bytes = 0

  const keep = () => {
    if (bytes > 0 && !gone && kept + bytes <= mostKept) {
      portions.push(Buffer.from(lines))
      kept += bytes
    }
    lines = ''
    bytes = 0
  }
  const written = (first: Buffer, count: number) => {
    kept -= count
    if (count < first.length) portions[0] = first.subarray(count)
    else portions.shift()
  }
  const failed = (error: unknown) => {
    const code = codeOf(error)
    if (code === 'EPIPE') {
      gone = true
      portions.length = 0
    }
    state = 'waiting'
    const again = () => {
      state = 'idle'
      proceed()
    }
    setTimeout(again, code === 'EAGAIN' ? pause : patience).unref()
  }
  const proceed = () => {
    const [first] = portions
    if (first === undefined || state !== 'idle') return
    state = 'writing'
    write(fd, first, (error, count) => {
      if (error !== null) return failed(error)
      state = 'idle'
      written(first, count)
      proceed()
    })
  }
  setInterval(() => {
    keep()
    proceed()
  }, patience).unref()
  process.on('exit', () => {
    keep()
    // This is written without us.
    if (state === 'writing') portions.shift()
    const end = performance.now() + lastPatience
    for (let [first] = portions; first !== undefined; [first] = portions) {
      try {
        written(first, writeSync(fd, first))
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN' || performance.now() > end) return
        sleep(pause)
      }
    }
  })
  return {
    write: line => {
      const more = Buffer.byteLength(line)
      if (bytes + more > most) keep()
      lines += line
      bytes += more
      if (bytes < enough) return
      keep()
      proceed()
    },
  }
}
