import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import type { Server } from './server.ts'

const shortestPause = 100
const longestPause = 5000
/** Milliseconds after which an end is a new accident, not the last one going on. */
const steady = 10_000

/**
 * Starts a server again, after growing pauses, whenever it ends unasked. Once `closing` is aborted it is
 * stopped; resolves then, false if it cannot be ended.
 */
export const keepRunning = async (
  first: Server,
  start: () => Promise<Server>,
  closing: AbortSignal,
  log: Log,
): Promise<boolean> => {
  const closed = once(closing, 'abort').then(() => undefined)
  let pause = shortestPause
  const rest = async () => {
    await Promise.race([sleep(pause), closed])
    pause = Math.min(2 * pause, longestPause)
  }

  const startAgain = async (): Promise<Server | undefined> => {
    for (;;) {
      await rest()
      if (closing.aborted) return undefined
      try {
        return await start()
      } catch (err) {
        if (!closing.aborted) log.error({ err, pause }, 'the embedded Redis does not start')
      }
    }
  }

  let server: Server | undefined = first
  while (server !== undefined) {
    const started = performance.now()
    const reason = await Promise.race([server.gone, closed])
    if (reason === undefined) return server.stop()
    if (performance.now() - started > steady) pause = shortestPause
    log.error({ reason, pause }, 'the embedded Redis ended; it is started again')
    server = await startAgain()
  }
  return true
}
