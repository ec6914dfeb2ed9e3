import type { IncomingHttpHeaders } from 'node:http'
import { errorStatus, kinds, registeredProvider, type Span, scopeOf } from './tracing/otel.ts'
import { readTraceContext, writeTraceContext } from './tracing/trace-context.ts'

/** The spans of one request: its own, and below it those of guard, refresh and upstream. */
export interface RequestTrace {
  /** It waits for a refresh. */
  refreshing(work: Promise<unknown>): void
  /** The guard let it through: its header block (flat) now tells the upstream of the span there, not of where it came from. */
  sent(headers: string[], upstream: string): void
  /** Nothing of it is under way upstream any more. */
  received(): void
  end(outcome: Outcome): void
}

interface Outcome {
  readonly route: string | undefined
  readonly path: string
  /** 0 where the client went away before an answer. */
  readonly status: number
  /** The code with which the gateway refused it. */
  readonly refused: string | undefined
}

export type Tracing = NonNullable<ReturnType<typeof createTracing>>

/** Traces requests with the tracer provider that is registered by now; undefined where nobody listens. */
export const createTracing = () => {
  const tracer = registeredProvider()?.getTracer('claimcheck')
  if (tracer === undefined) return undefined

  /** A request has come in at `startedAt` (`performance.now()` milliseconds). */
  const begin = (
    { traceparent, tracestate }: IncomingHttpHeaders,
    method: string,
    startedAt: number,
  ): RequestTrace => {
    const startTime = performance.timeOrigin + startedAt
    const attributes = { 'http.request.method': method }
    const from = readTraceContext(oneOf(traceparent), oneOf(tracestate))
    const around = scopeOf(from && { spanContext: () => from })
    const server = tracer.startSpan(method, { kind: kinds.server, startTime, attributes }, around)
    const within = scopeOf(server)
    let guarding = true
    let upstream: Span | undefined

    const guarded = (refused?: string): void => {
      if (!guarding) return
      guarding = false
      const told = refused === undefined ? {} : { 'claimcheck.refused': refused }
      const options = { kind: kinds.internal, startTime, attributes: told }
      tracer.startSpan('guard', options, within).end()
    }
    const received = (): void => {
      upstream?.end()
      upstream = undefined
    }
    return {
      refreshing: work => {
        const refresh = tracer.startSpan('refresh', { kind: kinds.internal }, within)
        const done = (): void => refresh.end()
        work.then(done, done)
      },
      sent: (headers, name) => {
        guarded()
        const more = { ...attributes, 'claimcheck.upstream': name }
        upstream = tracer.startSpan(method, { kind: kinds.client, attributes: more }, within)
        writeTraceContext(headers, upstream.spanContext())
      },
      received,
      end: ({ route, path, status, refused }) => {
        received()
        if (refused !== undefined) guarded(refused)
        if (route !== undefined) server.updateName(`${method} ${route}`)
        server.setAttributes({
          'url.path': path,
          ...(route !== undefined && { 'http.route': route }),
          ...(status > 0 && { 'http.response.status_code': status }),
          ...(refused !== undefined && { 'claimcheck.refused': refused }),
        })
        if (status >= 500) server.setStatus(errorStatus)
        server.end()
      },
    }
  }
  return { begin }
}

/** A field of which there may be one: of several, none counts. */
const oneOf = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined
