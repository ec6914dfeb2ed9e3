import type { Problem } from '../errors.ts'
import { problemPage } from './pages.ts'

/** Beyond its row: what an answer to one request adds. */
export interface ProblemDetails {
  readonly requestId: string
  /** Where to log in, as a path of the public URL, for `no_session`. */
  readonly login?: string | undefined
  /** For `method_not_allowed` (RFC 9110 section 15.5.6). */
  readonly allow?: string | undefined
  /** A navigation gets a page instead of JSON. */
  readonly page?: boolean
}

export interface RawAnswer {
  readonly status: number
  /** Flat: name, value, name, value. */
  readonly headers: string[]
  readonly body: string
}

const common = [
  ...['cache-control', 'no-store'],
  ...['x-content-type-options', 'nosniff'],
  ...['referrer-policy', 'no-referrer'],
]

/** Headers of every answer that the gateway makes itself (HD-06). */
export const ownHeaders = (https: boolean): string[] => [
  ...common,
  ...(https ? ['strict-transport-security', 'max-age=31536000'] : []),
]

/**
 * A refusal as the wire shows it: RFC 9457 `application/problem+json`, or a short page. `type` and
 * `code` are stable; the cause is in the log under the same request id, never here.
 */
export const problemAnswer = (
  problem: Problem,
  details: ProblemDetails,
  https: boolean,
): RawAnswer => {
  const headers = ownHeaders(https)
  if (problem.retryAfter !== undefined) headers.push('retry-after', String(problem.retryAfter))
  if (details.allow !== undefined) headers.push('allow', details.allow)
  // RFC 6455 section 4.4: what would have been understood.
  if (problem.code === 'upgrade_refused') headers.push('sec-websocket-version', '13')
  if (details.page === true) {
    const page = problemPage(problem, details.requestId, details.login)
    return { status: problem.status, headers: [...headers, ...page.headers], body: page.body }
  }
  const body = JSON.stringify({
    type: `urn:problem-type:claimcheck:${problem.code}`,
    title: problem.title,
    status: problem.status,
    code: problem.code,
    request_id: details.requestId,
    ...(details.login === undefined ? {} : { login: details.login }),
  })
  headers.push('content-type', 'application/problem+json')
  headers.push('cross-origin-resource-policy', 'same-origin')
  return { status: problem.status, headers, body }
}
