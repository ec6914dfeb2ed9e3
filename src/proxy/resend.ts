import { LineError } from './line-error.ts'
import type { UpstreamRequest } from './upstream-request.ts'

const codeOf = (error: Error): unknown => ('code' in error ? error.code : undefined)

/** True for an error before `onConnect` that means: there is no connection to this target. */
export const isUnreached = (error: Error): boolean =>
  typeof codeOf(error) === 'string' && !(error instanceof LineError)

/** True where the other side closed the connection instead of answering. */
export const isClosed = (error: Error): boolean => {
  const code = codeOf(error)
  return code === 'LINE_CLOSED' || code === 'ECONNRESET' || code === 'EPIPE'
}

/** True for a request that asks for nothing to be done, and has no body that would be gone (RFC 9110 section 9.2.1). */
export const isSafe = ({ method, body }: UpstreamRequest): boolean =>
  (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') && body === null
