import fc from 'fast-check'
import t from 'tap'
import type { Context } from '../../src/http/context.ts'
import { requestLine } from '../../src/http/request-line.ts'

const context = (parts: object): Context =>
  ({
    ...{ id: 'abc-1', method: 'GET', path: '/', startedAt: 100, answeredAt: 0 },
    forwarding: { client: '192.0.2.1' },
    ...parts,
  }) as Context

const read = (...args: Parameters<typeof requestLine>) => JSON.parse(`{${requestLine(...args)}}`)

t.test('what is known of a request, in hundredths of a millisecond; what is not is left out', t => {
  t.strictSame(read(context({}), 0, false, 101.23456), {
    ...{ id: 'abc-1', method: 'GET', path: '/', status: 0, complete: false },
    ...{ client: '192.0.2.1', ms: 1.23 },
  })
  const whole = context({
    ...{ route: { label: '/a "b"' }, handle: 'f'.repeat(64), refused: 'no_session' },
    answeredAt: 100.5,
  })
  t.strictSame(read(whole, 401, true, 102), {
    ...{ id: 'abc-1', method: 'GET', path: '/', route: '/a "b"', status: 401, complete: true },
    ...{ handle: 'f'.repeat(64), refused: 'no_session', client: '192.0.2.1' },
    ...{ upstream_ms: 0.5, ms: 2 },
  })
  t.end()
})

t.test('nothing that a client sends gets out of its field', t => {
  const texts = fc.string({ unit: 'binary' })
  const property = fc.property(texts, texts, texts, (path, method, client) => {
    const line = requestLine(context({ path, method, forwarding: { client } }), 200, true, 101)
    if (/[\n\r]/.test(line)) return false
    const { id, ...fields } = JSON.parse(`{${line}}`)
    return id === 'abc-1' && fields.method === method && fields.client === client
  })
  fc.assert(property, { numRuns: 2000, examples: [['","status":500,"x":"', '"', '\\']] })
  t.equal(read(context({ path: '","id":"b' }), 200, true, 101).path, '","id":"b')
  t.end()
})

t.test('a ticket in a path is not written', t => {
  t.equal(read(context({ path: `/a/${'A'.repeat(43)}` }), 200, true, 101).path, '/a/[ticket]')
  t.end()
})

t.test('a long path is cut, after what must not be read was taken out', t => {
  const path = `/${'a-'.repeat(500)}/${'A'.repeat(43)}/${'b-'.repeat(9000)}`
  const logged = String(read(context({ path }), 200, true, 101).path)
  t.equal(logged.length, 1025)
  t.match(logged, /^\/(a-)+\/\[ticket\]\/(b-)+b?…$/)
  t.end()
})
