import { type ErrorCode, GatewayError } from '../errors.ts'

/** The code of what undici, TLS or the socket reported. */
export const failureOf = (error: unknown): ErrorCode => {
  if (error instanceof GatewayError) return error.code
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'upstream_timeout'
    case 'UND_ERR_INVALID_ARG':
    case 'UND_ERR_NOT_SUPPORTED':
      return 'malformed_request'
    default:
      return 'upstream_failed'
  }
}
