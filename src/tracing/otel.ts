/*
 * OpenTelemetry without a dependency on it. Its API keeps what an operator registers under one well-known symbol,
 * for all copies and versions 1.x of itself and wherever they are installed, so that is where it is read. These
 * are the parts of it that are used here.
 */

export interface TraceState {
  get(key: string): string | undefined
  set(key: string, value: string): TraceState
  unset(key: string): TraceState
  serialize(): string
}

export interface SpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly traceState?: TraceState | undefined
  readonly isRemote?: boolean
}

export type Attributes = Readonly<Record<string, string | number>>

export interface Span {
  spanContext(): SpanContext
  setAttributes(attributes: Attributes): unknown
  updateName(name: string): unknown
  setStatus(status: { code: number }): unknown
  end(): void
}

/** Immutable, as in the API. */
export interface SpanScope {
  getValue(key: symbol): unknown
  setValue(key: symbol, value: unknown): SpanScope
  deleteValue(key: symbol): SpanScope
}

export interface Tracer {
  startSpan(
    name: string,
    options: { kind: number; startTime?: number; attributes?: Attributes },
    scope: SpanScope,
  ): Span
}

export interface TracerProvider {
  getTracer(name: string): Tracer
}

/** `SpanKind` and `SpanStatusCode` of the API. */
export const kinds = { internal: 0, server: 1, client: 2 } as const
export const errorStatus = { code: 2 } as const

const apiKey = Symbol.for('opentelemetry.js.api.1')
const spanKey = Symbol.for('OpenTelemetry Context Key SPAN')

const isProvider = (value: unknown): value is TracerProvider =>
  typeof value === 'object' &&
  value !== null &&
  'getTracer' in value &&
  typeof value.getTracer === 'function'

/** The tracer provider that is registered by now, if one is. */
export const registeredProvider = (): TracerProvider | undefined => {
  const api: unknown = Object.getOwnPropertyDescriptor(globalThis, apiKey)?.value
  const trace = typeof api === 'object' && api !== null && 'trace' in api ? api.trace : undefined
  return isProvider(trace) ? trace : undefined
}

const createScope = (values: ReadonlyMap<symbol, unknown>): SpanScope => ({
  getValue: key => values.get(key),
  setValue: (key, value) => createScope(new Map(values).set(key, value)),
  deleteValue: key => createScope(new Map([...values].filter(([known]) => known !== key))),
})

/** Where spans are children of `span`; without one they begin traces of their own. */
export const scopeOf = (span: Pick<Span, 'spanContext'> | undefined): SpanScope =>
  createScope(span === undefined ? new Map() : new Map([[spanKey, span]]))
