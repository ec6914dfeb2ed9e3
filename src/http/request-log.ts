import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { createLineWriter, type Log, scrub } from '../log.ts'
import type { Metrics, RequestCount } from '../metrics.ts'
import type { createForwarding } from '../proxy/client-address.ts'
import type { RequestTrace, Tracing } from '../tracing.ts'
import { type Context, createRequestId } from './context.ts'
import { requestLine } from './request-line.ts'
import type { Upgrade } from './upgrades.ts'

export interface RequestLogParts {
  readonly forwarding: ReturnType<typeof createForwarding>
  readonly metrics: Metrics
  readonly log: Log
  /** The counter of each route, by its index, and that of everything else. */
  readonly counts: readonly RequestCount[]
  readonly otherCount: RequestCount
  /** Told of the beginning and of the end of each. */
  readonly underWay: { begin(): void; end(): void }
  readonly tracing: Tracing | undefined
}

const endTrace = (trace: RequestTrace, { route, path, refused }: Context, status: number): void =>
  trace.end({ route: route?.label, path: scrub(path), status, refused })

/**
 * Opens the context of a request, and sees to what has to be done when it is over: stop what is under
 * way upstream if the client left, count it, and log one line. The line has the path without the
 * query, and the handle instead of the ticket.
 */
export const createOpen = (parts: RequestLogParts) => {
  const { forwarding, log, counts, otherCount, underWay, tracing } = parts

  const write = createLineWriter(log)

  const over = (context: Context): void => {
    underWay.end()
    const { res, route, startedAt } = context
    const complete = res.writableFinished
    if (!complete) context.proxied?.left()
    const now = performance.now()
    const status = complete || res.headersSent ? res.statusCode : 0
    const count = (route === undefined ? undefined : counts[route.index]) ?? otherCount
    count(status, (now - startedAt) / 1000)
    if (context.trace !== undefined) endTrace(context.trace, context, status)
    if (log.isLevelEnabled('info')) write(requestLine(context, status, complete, now), 'request')
  }

  return (req: IncomingMessage, res: ServerResponse, upgrade?: Upgrade): Context => {
    const { headers } = req
    const from = headers['x-forwarded-for']
    const further = headers.forwarded ?? headers['x-forwarded-proto'] ?? headers['x-forwarded-host']
    const sender = Array.isArray(from) ? from[0] : from
    const context: Context = {
      id: createRequestId(),
      req,
      res,
      upgrade,
      method: req.method ?? '',
      forwarding: forwarding(req.socket.remoteAddress ?? '', sender, further),
      startedAt: performance.now(),
      path: '',
      query: '',
      route: undefined,
      handle: undefined,
      returnTo: undefined,
      refused: undefined,
      answeredAt: 0,
      proxied: undefined,
      trace: undefined,
    }
    if (tracing !== undefined)
      context.trace = tracing.begin(req.headers, context.method, context.startedAt)
    underWay.begin()
    res.on('close', () => over(context))
    return context
  }
}
