import { openAdminSide } from './gateway/admin-side.ts'
import { openFoundation } from './gateway/foundation.ts'
import { type Ending, openPublicSide } from './gateway/public-side.ts'
import type { Compiled } from './gateway/serving.ts'
import type { Log } from './log.ts'
import { findRedis } from './redis/find.ts'

export type { Ending } from './gateway/public-side.ts'
export type { Compiled } from './gateway/serving.ts'

export interface Addresses {
  /** URLs with the ports that were really taken. */
  readonly url: string
  readonly admin: string
}

export type Gateway = Awaited<ReturnType<typeof createGateway>>

/**
 * A gateway in this process: builds the parts and wires them. Redis is connected to, not waited for:
 * without it the gateway answers 503. Throws `SetupError` where the embedded Redis cannot be started.
 */
export const createGateway = async (compiled: Compiled, log: Log) => {
  const { config } = compiled
  const foundation = await openFoundation(config, log, () => findRedis(config.redis, log))
  const { metrics, audit, sessions } = foundation
  const publicSide = await openPublicSide(compiled, foundation)
  let closing = false
  const adminSide = await openAdminSide(config, {
    ...{ metrics, log },
    sessions: { store: sessions.store, cache: sessions.cache, audit, metrics },
    notes: publicSide.notes,
    readiness: () => ({
      redis: sessions.ready() || 'not connected',
      gateway: !closing || 'closing',
    }),
  })

  /** The public side first, so that what is under way keeps its Redis; the probes last. */
  const close = async (ending?: Ending): Promise<void> => {
    closing = true
    await publicSide.close(ending)
    await foundation.close()
    await adminSide.close()
    foundation.closeAudit()
  }

  /** Opens both listeners; gives their real addresses. Throws `SetupError` where one is taken. */
  const listen = async (): Promise<Addresses> => {
    try {
      const url = await publicSide.listen(config.listen)
      return { url, admin: await adminSide.listen(config.admin.listen) }
    } catch (error) {
      await close()
      throw error
    }
  }

  /** Puts another config in place without a request noticing. Rejects, and changes nothing, where that is not possible. */
  const reload = async (next: Compiled): Promise<void> => {
    const administer = await adminSide.prepare(next.config)
    const prepared = await publicSide.prepare(next)
    prepared.commit()
    administer()
  }

  return { listen, reload, close, metrics }
}
