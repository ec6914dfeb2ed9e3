import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ErrorCode, problemOf } from '../errors.ts'
import { createRequestId } from './context.ts'
import { linger } from './linger.ts'
import { problemAnswer } from './problem.ts'

/** What Node's parser refused (RFC 9112, RFC 6585 section 5). */
const codeOf = (code: string | undefined): ErrorCode => {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'header_too_large'
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout'
    default:
      return 'malformed_request'
  }
}

/**
 * Refuses what could not be parsed, for which there is no ServerResponse, and ends the connection.
 * `last` is the answer to the request before: while that is under way, a refusal would be taken for
 * it or for a part of it, so the connection is only cut.
 */
export const refuseRaw = (
  error: Error & { code?: string },
  socket: Duplex,
  last: ServerResponse | undefined,
): void => {
  // It has been answered, and the connection ends with that: what follows is nobody's.
  if (last?.writableEnded === true && !last.shouldKeepAlive) return
  const answering =
    last !== undefined &&
    (last.req.complete ? !last.writableFinished : last.headersSent || last.socket === null)
  if (!socket.writable || error.code === 'ECONNRESET' || answering) {
    socket.destroy()
    return
  }
  const details = { requestId: createRequestId() }
  const { status, headers, body } = problemAnswer(problemOf(codeOf(error.code)), details, false)
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `date: ${new Date().toUTCString()}`,
  ]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  lines.push(`content-length: ${Buffer.byteLength(body)}`, 'connection: close')
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  linger(socket)
}
