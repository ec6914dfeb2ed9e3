import { scrub } from '../log.ts'

const longest = 300

/**
 * Why something failed, for the log only: an error's message and those of its causes, without what
 * looks like a token. Errors of the libraries carry claims and answers as properties, never in the
 * message.
 */
export const reasonOf = (error: unknown): string =>
  scrub(messagesOf(error, 0).join(': ')).slice(0, longest)

const messagesOf = (error: unknown, depth: number): string[] => {
  if (!(error instanceof Error) || depth > 4) return []
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  // The `error` of a provider's answer (RFC 6749 section 5.2).
  const answered = 'error' in error && typeof error.error === 'string' ? [error.error] : []
  return [error.message || code, ...answered, ...messagesOf(error.cause, depth + 1)]
}
