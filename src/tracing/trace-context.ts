import type { SpanContext, TraceState } from './otel.ts'

const traceparent = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/
const isZero = (id: string): boolean => /^0+$/.test(id)

/** The span that a request comes from (W3C Trace Context section 3); undefined where it names none, or none soundly. */
export const readTraceContext = (
  parent: string | undefined,
  state: string | undefined,
): SpanContext | undefined => {
  const match = traceparent.exec(parent ?? '')
  if (match === null) return undefined
  const [, version = '', traceId = '', spanId = '', flags = '', more] = match
  // A later version may have more fields; in this one that is a mistake.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (isZero(traceId) || isZero(spanId)) return undefined
  const traceState = state === undefined ? undefined : createState(membersOf(state))
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), traceState, isRemote: true }
}

type Member = readonly [key: string, value: string]

const membersOf = (text: string): Member[] =>
  text.split(',').flatMap((member): Member[] => {
    const mark = member.indexOf('=')
    return mark < 1 ? [] : [[member.slice(0, mark).trim(), member.slice(mark + 1).trim()]]
  })

/** Section 3.3: who changes a member puts it first. */
const createState = (members: readonly Member[]): TraceState => {
  const others = (key: string) => members.filter(([known]) => known !== key)
  return {
    get: key => members.find(([known]) => known === key)?.[1],
    set: (key, value) => createState([[key, value], ...others(key)]),
    unset: key => createState(others(key)),
    serialize: () => members.map(member => member.join('=')).join(','),
  }
}

/** Puts a span into a flat header block, in place of the one that the block came with. */
export const writeTraceContext = (headers: string[], span: SpanContext): void => {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i]?.toLowerCase()
    if (name === 'traceparent' || name === 'tracestate') headers.splice(i, 2)
  }
  const flags = span.traceFlags.toString(16).padStart(2, '0')
  headers.push('traceparent', `00-${span.traceId}-${span.spanId}-${flags}`)
  const state = span.traceState?.serialize() ?? ''
  if (state !== '') headers.push('tracestate', state)
}
