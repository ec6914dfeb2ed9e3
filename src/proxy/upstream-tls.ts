import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { UpstreamPlan } from './upstream-plan.ts'

/** The files that the connections of an upstream need. Throws where one cannot be read. */
export const tlsOf = ({ tls }: Pick<UpstreamPlan, 'tls'>) => {
  if (tls === undefined) return {}
  return {
    ...(tls.ca === undefined ? {} : { ca: readFileSync(tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: readFileSync(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: readFileSync(tls.key) }),
  }
}

/** Why no connection can be made with these files, or undefined. */
export const wrongWithTls = (plan: Pick<UpstreamPlan, 'tls'>): string | undefined => {
  try {
    createSecureContext(tlsOf(plan))
    return undefined
  } catch (error) {
    return `cannot be used: ${error instanceof Error ? error.message : error}`
  }
}
