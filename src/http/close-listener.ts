import { Server } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Milliseconds. A listener to which somebody connects all the time closes all the same. */
const usualPatience = 1_000
/** Milliseconds. In a longer turn others may have come after it looked. */
const shortTurn = 0.1
/** Turns in which nobody came: where none of so many is short the process is busy, and stays so. */
const mostStill = 20

/**
 * Closes a listener and nothing else, once it has taken the connections that wait in the kernel's queue:
 * those are reset with it, though their clients may have sent a request. It takes one in a turn of the
 * event loop. Resolves when none comes in any more. Who connects between the last look and the end (less
 * than 0.1 ms, in a busy process a turn) is reset still: no system call stops the queue before it is emptied.
 */
export const closeListener = async (listener: Server, patience = usualPatience): Promise<void> => {
  let taken = 0
  const count = (): void => void taken++
  listener.on('connection', count)
  const end = performance.now() + patience
  // The rest of this turn does not look at the queue.
  await nextTurn()
  for (let still = 0; still < mostStill && performance.now() < end; ) {
    const before = taken
    const began = performance.now()
    await nextTurn()
    if (taken > before) still = 0
    else if (performance.now() - began < shortTurn) break
    else still++
  }
  // Not the close() of an HTTP server: that destroys connections whose answer is not sent to its end.
  Server.prototype.close.call(listener)
  listener.off('connection', count)
}
