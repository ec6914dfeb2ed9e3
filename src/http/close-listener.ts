import { Server } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Turns of the event loop. A listener to which somebody connects in each of them closes all the same. */
const patience = 100
/** Milliseconds. In a longer turn others may have come after it looked. */
const shortTurn = 0.1

/**
 * Closes a listener and nothing else, once it has taken the connections that wait in the kernel's queue:
 * those are reset with it, though their clients may have sent a request. Resolves when none comes in any
 * more. Who connects in the less than 0.1 ms between the last look and the end is reset still: no system
 * call stops the queue before it is emptied.
 */
export const closeListener = async (listener: Server): Promise<void> => {
  let taken = 0
  const count = (): void => void taken++
  listener.on('connection', count)
  // The rest of this turn does not look at the queue.
  await nextTurn()
  for (let turn = 0, still = false; !still && turn < patience; turn++) {
    const before = taken
    const began = performance.now()
    await nextTurn()
    still = taken === before && performance.now() - began < shortTurn
  }
  // Not the close() of an HTTP server: that destroys connections whose answer is not sent to its end.
  Server.prototype.close.call(listener)
  listener.off('connection', count)
}
