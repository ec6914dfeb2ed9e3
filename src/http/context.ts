import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ErrorCode } from '../errors.ts'
import type { Forwarding } from '../proxy/client-address.ts'
import type { RoutePlan } from '../proxy/plan.ts'
import type { RequestTrace } from '../tracing.ts'
import type { Upgrade } from './upgrades.ts'

const instance = randomBytes(6).toString('base64url')
let counter = 0

/** Unique over gateways and restarts; says nothing. */
export const createRequestId = (): string => `${instance}-${(counter++).toString(36)}`

/** What the gateway knows of one request while it is under way; filled in by the pipeline, read by the log. */
export interface Context {
  readonly id: string
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly method: string
  /** It asks for a WebSocket, and `res` is the answer to that. */
  readonly upgrade: Upgrade | undefined
  readonly forwarding: Forwarding
  /** performance.now() at arrival. */
  readonly startedAt: number
  path: string
  query: string
  route: RoutePlan | undefined
  /** The public name of the session that the request presented, live or not. */
  handle: string | undefined
  /** Where a login that failed was to lead: the link that tries again goes there. */
  returnTo: string | undefined
  /** Why the gateway refused it. */
  refused: ErrorCode | undefined
  /** performance.now() when the upstream's header block was there; 0 where nothing came. */
  answeredAt: number
  /** What is under way for it upstream, to be told when the client leaves. */
  proxied: { left(): void } | undefined
  /** Its spans; undefined where nobody listens to them. */
  trace: RequestTrace | undefined
}

const contexts = new WeakMap<IncomingMessage, Context>()

export const keepContext = (context: Context): void => void contexts.set(context.req, context)

/** The context of a request that the pipeline handed to one of our own endpoints. Throws for any other. */
export const contextOf = (req: IncomingMessage): Context => {
  const context = contexts.get(req)
  if (context === undefined) throw new Error('a request reached an endpoint beside the pipeline')
  return context
}

/** Whose request it is, as the audit log names it. */
export const auditOf = ({ id, forwarding, handle }: Context) => ({
  ...{ id, client: forwarding.client },
  ...(handle !== undefined && { handle }),
})
