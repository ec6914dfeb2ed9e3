import t from 'tap'
import { readTraceContext, writeTraceContext } from '../../src/tracing/trace-context.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const sound = `00-${traceId}-${spanId}-01`

t.test('a sound parent is read (W3C Trace Context section 3.2)', t => {
  const span = { traceId, spanId, traceFlags: 1, isRemote: true }
  t.match(readTraceContext(sound, undefined), { ...span, traceState: undefined })
  t.match(readTraceContext(`00-${traceId}-${spanId}-00`, undefined), { traceFlags: 0 })
  t.match(readTraceContext(`cc-${traceId}-${spanId}-01-what-else`, undefined), span)
  t.end()
})

t.test('anything else names no parent', t => {
  for (const parent of [
    undefined,
    '',
    'x',
    `ff-${traceId}-${spanId}-01`,
    `${sound}-more`,
    `${sound}, ${sound}`,
    ` ${sound}`,
    `00-${traceId}-${spanId}`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    sound.toUpperCase(),
  ]) {
    t.equal(readTraceContext(parent, 'a=b'), undefined, String(parent))
  }
  t.end()
})

t.test('a state keeps its members; who changes one puts it first (section 3.3)', t => {
  const state = readTraceContext(sound, 'rojo=00f0, congo=t61=, ,=x,bare')?.traceState
  t.equal(state?.serialize(), 'rojo=00f0,congo=t61=')
  t.equal(state?.get('congo'), 't61=')
  t.equal(state?.get('other'), undefined)
  t.equal(state?.set('congo', 'new').serialize(), 'congo=new,rojo=00f0')
  t.equal(state?.unset('rojo').serialize(), 'congo=t61=')
  t.end()
})

t.test('a span is written in place of what came, in any spelling', t => {
  const headers = ['host', 'api', 'TraceParent', sound, 'x', 'y', 'tracestate', 'a=b']
  writeTraceContext(headers, { traceId, spanId: 'c'.repeat(16), traceFlags: 0 })
  t.strictSame(headers, [
    'host',
    'api',
    'x',
    'y',
    'traceparent',
    `00-${traceId}-${'c'.repeat(16)}-00`,
  ])
  const traceState = readTraceContext(sound, 'a=b')?.traceState
  writeTraceContext(headers, { traceId, spanId, traceFlags: 1, traceState })
  t.strictSame(headers.slice(4), ['traceparent', sound, 'tracestate', 'a=b'])
  t.end()
})
