import t from 'tap'
import { registeredProvider, scopeOf } from '../../src/tracing/otel.ts'
import { registerTracer } from '../fixtures/tracer.ts'

const apiKey = Symbol.for('opentelemetry.js.api.1')
const spanKey = Symbol.for('OpenTelemetry Context Key SPAN')

t.test('a provider is found where the API keeps it, and nowhere else', t => {
  t.equal(registeredProvider(), undefined)
  t.teardown(() => Reflect.deleteProperty(globalThis, apiKey))
  for (const value of [undefined, null, 7, {}, { trace: null }, { trace: { getTracer: 1 } }]) {
    Object.defineProperty(globalThis, apiKey, { value, configurable: true })
    t.equal(registeredProvider(), undefined)
  }
  registerTracer(t)
  t.ok(registeredProvider())
  t.end()
})

t.test('a scope is immutable, as the API has it', t => {
  const span = { spanContext: () => ({ traceId: 't', spanId: 's', traceFlags: 1 }) }
  const scope = scopeOf(span)
  t.equal(scope.getValue(spanKey), span)
  t.equal(scopeOf(undefined).getValue(spanKey), undefined)
  const other = Symbol('other')
  t.equal(scope.setValue(other, 7).getValue(other), 7)
  t.equal(scope.setValue(other, 7).getValue(spanKey), span)
  t.equal(scope.getValue(other), undefined)
  t.equal(scope.deleteValue(spanKey).getValue(spanKey), undefined)
  t.equal(scope.getValue(spanKey), span)
  t.end()
})
