import { type ErrorCode, GatewayError } from '../errors.ts'

/** The code of what the connection, TLS or the system reported. */
export const failureOf = (error: unknown): ErrorCode => {
  if (error instanceof GatewayError) return error.code
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ETIMEDOUT':
      return 'upstream_timeout'
    case 'LINE_REFUSED':
      return 'malformed_request'
    default:
      return 'upstream_failed'
  }
}
