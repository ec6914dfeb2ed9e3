import type { Audit } from '../audit.ts'
import { GatewayError } from '../errors.ts'
import type { Capture } from '../login/capture.ts'
import type { Metrics } from '../metrics.ts'
import { type Buffered, createBuffer } from '../proxy/buffer.ts'
import { networkOf } from '../proxy/client-address.ts'
import { ticketOf } from '../proxy/cookies.ts'
import type { RoutePlan } from '../proxy/plan.ts'
import type { Limits } from '../session/limits.ts'
import type { Store } from '../session/store.ts'
import type { Streams } from '../session/streams.ts'
import { handleOf, isTicket } from '../session/ticket.ts'
import type { Answers } from './answer.ts'
import type { Context } from './context.ts'
import type { Forwarder } from './forwarder.ts'
import { createSessionMade } from './session-made.ts'
import type { TicketCookie } from './ticket-cookie.ts'

/** The longest answer to a login that is read for its tokens, in bytes. */
const maxAnswer = 1024 * 1024

export interface CapturedLoginParts {
  readonly forwarder: Forwarder
  /** By the index of their route. */
  readonly captures: ReadonlyMap<number, Capture>
  readonly store: Store
  readonly limits: Pick<Limits, 'attempt'>
  readonly streams: Streams
  readonly cookie: TicketCookie
  readonly answers: Answers
  readonly audit: Audit
  readonly metrics: Metrics
}

export type CapturedLogin = ReturnType<typeof createCapturedLogin>

/**
 * A login at the API as it is: the request goes through, the answer is read whole, its tokens become
 * a session, and the browser gets the rest of the answer with a ticket.
 */
export const createCapturedLogin = (parts: CapturedLoginParts) => {
  const { answers, store, limits, streams, cookie } = parts
  const sessionMade = createSessionMade(parts)

  /** The session that came with the login is ended by it; a doubled or malformed cookie is no session. */
  const presented = (context: Context): string[] => {
    const found = ticketOf(context.req.headers.cookie, cookie.name)
    return found.kind === 'one' && isTicket(found.value) ? [handleOf(found.value)] : []
  }

  const finish = async (
    context: Context,
    route: RoutePlan,
    startedAt: number,
    answer: Buffered | undefined,
  ): Promise<void> => {
    const capture = parts.captures.get(route.index)
    if (capture === undefined) throw new GatewayError('internal', `no capture at ${route.label}`)
    if (answer === undefined) {
      throw new GatewayError('login_not_readable', `the answer is longer than ${maxAnswer} bytes`)
    }
    const outcome = await capture.process(answer)
    if (outcome.kind === 'refused') throw new GatewayError(outcome.code, outcome.reason)
    if (outcome.kind === 'pass') {
      return answers.send(context, answer.status, outcome.headers, outcome.body)
    }
    // A client that is gone would never hold the ticket.
    if (context.res.destroyed) return
    const { client } = context.forwarding
    const agent = context.req.headers['user-agent']
    const before = presented(context)
    const stays = before.map(streams.replacing)
    const made = await store
      .create(
        { ...outcome.session, ip: client, ...(agent !== undefined && { agent }) },
        { presented: before, startedAt },
      )
      .catch((error: unknown) => {
        for (const stay of stays) stay()
        throw error
      })
    if (made.kind !== 'created') for (const stay of stays) stay()
    if (made.kind === 'ended') throw new GatewayError('login_ended', 'a log-out came in between')
    if (made.kind === 'refused') throw new GatewayError('too_many_sessions', 'maxPerUser')
    const { provider, sub } = outcome.session
    sessionMade(context, { ...made, provider, sub })
    const headers = [...outcome.headers, 'set-cookie', cookie.set(made.ticket)]
    answers.send(context, answer.status, headers, outcome.body)
  }

  return (context: Context, route: RoutePlan): void => {
    const failed = (error: unknown): void => answers.failed(context, error)
    // Redis is asked before the credentials go anywhere: without it the login could not be completed,
    // and a log-out that comes from now on stops it.
    Promise.all([store.now(), limits.attempt('login', networkOf(context.forwarding.client))])
      .then(([startedAt]) => {
        if (context.res.destroyed) return
        const sink = createBuffer(maxAnswer, answer => {
          finish(context, route, startedAt, answer).catch(failed)
        })
        parts.forwarder.send(context, route, undefined, sink)
      })
      .catch(failed)
  }
}
