import { setTimeout as sleep } from 'node:timers/promises'
import type { Audit } from '../audit.ts'
import { createEventStreams } from '../http/event-streams.ts'
import { createServer } from '../http/server.ts'
import { createTunnels } from '../http/upgrades.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Sessions } from '../session/sessions.ts'
import { type Compiled, createServing, type Serving } from './serving.ts'

export interface PublicSideParts {
  readonly sessions: Sessions
  readonly log: Log
  readonly audit: Audit
  readonly metrics: Metrics
}

/** How the gateway ends, in milliseconds. */
export interface Ending {
  /** How long a connection without a request is kept, for the request that may be on its way. */
  readonly linger?: number
  /** After so long whatever is still under way is cut. */
  readonly patience?: number
}

/** A config that is ready to take over: `commit` puts it in place, `abandon` forgets it. Exactly one is called. */
export interface Prepared {
  commit(): void
  abandon(): Promise<void>
}

export type PublicSide = Awaited<ReturnType<typeof openPublicSide>>

/**
 * What browsers talk to: one listener, and behind it what the present config makes of the gateway.
 * A reload exchanges that as a whole; what the one before let through goes on to its end.
 */
export const openPublicSide = async (compiled: Compiled, parts: PublicSideParts) => {
  const { sessions, log, metrics } = parts
  const tunnels = createTunnels(metrics)
  const eventStreams = createEventStreams(metrics)
  const lasting = { ...parts, tunnels, eventStreams }
  let serving = await createServing(compiled, lasting)
  const open = new Set<Serving>([serving])
  const server = createServer(() => serving)

  const retire = async (old: Serving): Promise<void> => {
    await old.idle()
    if (old.kept !== serving.kept) await old.kept.login.settle()
    open.delete(old)
    await old.close()
  }

  /** Makes a config ready, and changes nothing. Rejects where that is not possible. */
  const prepare = async (next: Compiled): Promise<Prepared> => {
    const made = await createServing(next, lasting, serving.kept)
    return {
      commit: () => {
        const old = serving
        const { level } = next.config.log
        if (level !== old.config.log.level) log.level = level
        sessions.reseal(next.config.session.sealSecrets)
        sessions.limit(next.config)
        open.add(made)
        serving = made
        retire(old).catch(err => log.error({ err }, 'the config before could not be given up'))
      },
      abandon: made.close,
    }
  }

  /** No new connection, the last answers, the streams ended; resolves within about `patience`. */
  const close = async ({ linger = 0, patience = 25_000 }: Ending = {}): Promise<void> => {
    const over = performance.now() + patience
    await server.drain({
      ...{ linger, patience },
      sweep: () => {
        tunnels.closeAll()
        eventStreams.endAll()
      },
    })
    // A token that was rotated must not die with the process.
    const settled = Promise.all([...open].map(({ kept }) => kept.login.settle()))
    const rest = Math.max(0, over - performance.now())
    await Promise.race([settled, sleep(rest, undefined, { ref: false })])
    await Promise.all([...open].map(one => one.close()))
  }

  return {
    listen: server.listen,
    adopting: server.adopting,
    prepare,
    close,
    ready: sessions.ready,
    notes: () => serving.notes(),
  }
}
