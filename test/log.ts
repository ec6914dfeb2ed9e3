import t from 'tap'
import { createLineWriter, scrub, serializeError } from '../src/log.ts'
import { createTicket } from '../src/session/ticket.ts'
import { recordLog } from './fixtures/recorded-log.ts'

const token = `eyJhbGciOiJIUzI1NiJ9.${'a'.repeat(30)}.${'b'.repeat(43)}`

t.test('whatever looks like a token or a ticket is taken out of a text', t => {
  const ticket = createTicket()
  t.equal(scrub(`/a/${ticket}/b?t=${ticket}`), '/a/[ticket]/b?t=[ticket]')
  t.equal(scrub(`Bearer ${token}, and ${token}`), 'Bearer [token], and [token]')
  t.equal(scrub(`x${token.replaceAll('.', '..')}`), '[token]', 'a JWE has empty parts')
  const handle = 'a'.repeat(64)
  t.equal(scrub(`/sessions/${handle}`), `/sessions/${handle}`, 'a handle is no secret')
  t.equal(scrub('/a/short/path/of/an/api'), '/a/short/path/of/an/api')
  t.end()
})

t.test('of an error its name, message, code, stack and causes are logged, and nothing else', t => {
  const ticket = createTicket()
  const cause = Object.assign(new Error(`GET ${ticket}`), { code: 'ECONNRESET', args: [ticket] })
  const logged = serializeError(new TypeError(`sent ${token}`, { cause }))
  t.match(logged, {
    type: 'TypeError',
    message: 'sent [token]',
    cause: { type: 'Error', message: 'GET [ticket]', code: 'ECONNRESET' },
  })
  t.notMatch(JSON.stringify(logged), ticket)
  t.notMatch(JSON.stringify(logged), token)
  t.strictSame(serializeError(ticket), { type: 'string', message: '[ticket]' })
  let deep = new Error('0')
  for (let i = 1; i < 10; i++) deep = new Error(String(i), { cause: deep })
  t.equal(JSON.stringify(serializeError(deep)).match(/"type"/g)?.length, 5, 'it comes to an end')
  t.end()
})

t.test('a line that was put together by hand is as those that pino makes', t => {
  const { log, lines } = recordLog()
  const child = log.child({ worker: 2 })
  child.info({ id: 'a' }, 'request')
  createLineWriter(child)('"id":"a"', 'request')
  const [one, other] = lines
  t.strictSame(Object.keys(other ?? {}), Object.keys(one ?? {}))
  t.strictSame({ ...other, time: '' }, { ...one, time: '' })
  t.match(other?.['time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.end()
})

t.test('each line ends with a line feed', t => {
  const { log, text } = recordLog()
  log.info('a')
  createLineWriter(log)('"id":"b"', 'request')
  t.match(text(), /^\{.+\}\n\{.+\}\n$/)
  t.end()
})
