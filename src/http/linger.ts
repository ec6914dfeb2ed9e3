import type { Duplex } from 'node:stream'

/** How much of what a client still sends after its refusal is read and dropped. */
export interface Lingering {
  /** Milliseconds in all, from when the answer has left. */
  readonly longest: number
  /** Milliseconds without a byte. */
  readonly silence: number
  readonly bytes: number
}

/** A client that has not noticed by then writes on regardless. */
export const usualLingering: Lingering = {
  longest: 10_000,
  silence: 2_000,
  bytes: 64 * 1024 * 1024,
}

/**
 * Ends a connection whose client may still be sending. To close a socket with unread bytes resets it, and
 * a reset takes away from the client the answer that it has not read yet (RFC 9112 section 9.6): so our
 * side is closed first, and what comes is dropped for a while. Nothing of it is parsed any more.
 */
export const linger = (
  socket: Duplex,
  { longest, silence, bytes }: Lingering = usualLingering,
): void => {
  if (socket.destroyed) return
  const cut = (): void => void socket.destroy()
  const quiet = setTimeout(cut, silence)
  let seen = 0
  const drop = (chunk: Buffer): void => {
    seen += chunk.length
    if (seen > bytes) cut()
    else quiet.refresh()
  }
  // With a listener of its own the socket is Node's parser's no more; then that is taken off too.
  socket.on('data', drop)
  for (const listener of socket.listeners('data')) {
    if (listener !== drop) socket.off('data', listener as (chunk: Buffer) => void)
  }
  let over: NodeJS.Timeout | undefined
  socket.once('end', cut)
  socket.once('close', () => {
    clearTimeout(quiet)
    clearTimeout(over)
  })
  socket.end(() => {
    if (!socket.destroyed) over = setTimeout(cut, longest)
  })
  // Node paused it below the stream where the body was not read: this has the stream ask for more.
  socket.push('')
  socket.resume()
}
