import type { Dispatcher } from 'undici'

/** What undici says of a request that it will not have, whatever the target. */
const ours = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'UND_ERR_ABORTED',
])

const codeOf = (error: Error): unknown => ('code' in error ? error.code : undefined)

/** True for an error before `onConnect` that means: there is no connection to this target. */
export const isUnreached = (error: Error): boolean => {
  const code = codeOf(error)
  return typeof code === 'string' && !ours.has(code)
}

/** True where the other side closed the connection instead of answering. */
export const isClosed = (error: Error): boolean => {
  const code = codeOf(error)
  if (code === 'UND_ERR_SOCKET') return error.message === 'other side closed'
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/** True where the body was not as long as `Content-Length` said. */
export const isLengthMismatch = (error: Error): boolean =>
  codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'

/** True for a request that asks for nothing to be done, and has no body that would be gone (RFC 9110 section 9.2.1). */
export const isSafe = ({ method, body }: Dispatcher.DispatchOptions): boolean =>
  (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') && (body ?? null) === null
