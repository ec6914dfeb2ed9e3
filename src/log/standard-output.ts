import { pino } from 'pino'

/** Milliseconds that a line waits at most. */
const patience = 100
/** Bytes of lines that are kept while nothing can be written. */
const mostKept = 16 * 1024 * 1024
/** From how many bytes on lines are written, and how many are at most written at once. */
const sizes = {
  alone: { minLength: 12_288, maxWrite: 16_384 },
  // What a pipe takes as a whole (PIPE_BUF): those of several processes do not mix.
  shared: { minLength: 3_072, maxWrite: 4_096 },
}

/**
 * Standard output for whole lines, in portions: a write for each line would cost more than the line. `shared` is for
 * several processes that write to the same. What cannot be written (a full disk, a reader that does not read) is kept
 * for a while and tried again; what comes on top is lost, and the process goes on, and ends when it is to end.
 */
export const openStandardOutput = (use: keyof typeof sizes): pino.DestinationStream => {
  const { minLength, maxWrite } = sizes[use]
  const destination = pino.destination({
    ...{ dest: 1, sync: false, minLength, maxWrite, maxLength: mostKept },
  })
  let failing = false
  destination.on('error', () => {
    failing = true
  })
  destination.on('write', () => {
    failing = false
  })
  // Portions are put together here, because the destination would measure what it has anew with each line.
  let portion = ''
  let bytes = 0
  const pass = () => {
    if (bytes > 0) destination.write(portion)
    portion = ''
    bytes = 0
  }
  const clock = setInterval(() => {
    pass()
    destination.flush()
  }, patience)
  clock.unref()
  process.prependListener('exit', () => {
    // What is left is written after this, and that would be tried for ever.
    if (failing) destination.destroy()
    else pass()
  })
  return {
    write: line => {
      const more = Buffer.byteLength(line)
      if (bytes + more > maxWrite) pass()
      portion += line
      bytes += more
      if (bytes >= minLength) pass()
    },
  }
}
