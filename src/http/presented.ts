import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import { ticketOf } from '../proxy/cookies.ts'
import { isTicket } from '../session/ticket.ts'

/** The value of one of our cookies, if it could be ours. Throws `ambiguous_ticket` where there are two. */
export const cookieIn = ({ headers }: IncomingMessage, name: string): string | undefined => {
  const found = ticketOf(headers.cookie, name)
  if (found.kind === 'many') throw new GatewayError('ambiguous_ticket', `two cookies ${name}`)
  return found.kind === 'one' && isTicket(found.value) ? found.value : undefined
}

/**
 * The ticket that came with a login, to be ended by it. Doubled cookies end nothing, and do not keep
 * anybody from logging in: a login is the way out (CK-10).
 */
export const ticketForLogin = ({ headers }: IncomingMessage, name: string): string | undefined => {
  const found = ticketOf(headers.cookie, name)
  return found.kind === 'one' && isTicket(found.value) ? found.value : undefined
}
