import type { IncomingMessage } from 'node:http'

/** The limit of Apache, Envoy and Kestrel; browsers send about twenty. */
const maxHeaders = 100

/** A name, an IPv4 address or an IPv6 address in brackets, and a port; or nothing at all (RFC 9112 section 3.2). */
const host = /^(?:[\w.-]+|\[[\da-f:.]+\])?(?::\d{0,5})?$/i

/**
 * What is wrong with a request that Node's parser let through, or undefined: too many fields, a
 * version that is not spoken here, a `Host` that names none or is sent twice (joined with a comma), a
 * transfer coding that would be lost on the way (RFC 9112 sections 2.3, 3.2, 6.1).
 */
export const wrongWithFraming = (
  req: IncomingMessage,
): 'malformed_request' | 'header_too_large' | undefined => {
  if (req.rawHeaders.length > 2 * maxHeaders) return 'header_too_large'
  if (req.httpVersionMajor !== 1) return 'malformed_request'
  const name = req.headers.host
  if (name === undefined ? req.httpVersionMinor > 0 : !host.test(name)) return 'malformed_request'
  const coding = req.headers['transfer-encoding']
  if (coding === undefined) return undefined
  // In HTTP/1.0 the body would end where a reader that does not know the field says.
  if (req.httpVersionMinor === 0) return 'malformed_request'
  return coding.toLowerCase() === 'chunked' ? undefined : 'malformed_request'
}
