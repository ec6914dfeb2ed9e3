import { createAudit } from '../audit.ts'
import type { Config } from '../config/schema.ts'
import { type Log, openFileLog } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import type { FoundRedis } from '../redis/find.ts'
import { openSessions } from '../session/sessions.ts'

export type Foundation = Awaited<ReturnType<typeof openFoundation>>

/**
 * What each process of a gateway has, whatever it answers: metrics, the audit log and the sessions. Redis
 * is connected to, not waited for. Throws `SetupError` where the audit file or the Redis of `find` cannot
 * be had.
 */
export const openFoundation = async (config: Config, log: Log, find: () => Promise<FoundRedis>) => {
  const metrics = createMetrics()
  const auditFile = config.log.audit === undefined ? undefined : openFileLog(config.log.audit, log)
  const audit = createAudit(auditFile?.log ?? log)
  const redis = await find()
  const sessions = await openSessions(config, redis.plan, log, metrics)
  return {
    ...{ log, metrics, audit, sessions },
    plan: redis.plan,
    /** The sessions, and the Redis if it was started for them. */
    close: async (): Promise<void> => {
      await sessions.close()
      await redis.close()
    },
    closeAudit: (): void => auditFile?.close(),
  }
}
