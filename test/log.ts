import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
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

t.test(
  'what was logged last is written when the process ends, to a file and to a pipe',
  async t => {
    const log = join(import.meta.dirname, '../dist/log.js')
    const program = `const { createLog } = await import(${JSON.stringify(log)})
    createLog('info').info('the last words')
    process.exit()`
    const args = ['--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    t.match(JSON.parse(stdout), { msg: 'the last words' })
    const file = join(t.testdir(), 'log')
    const output = openSync(file, 'a')
    await once(spawn(process.execPath, args, { stdio: ['ignore', output, 'inherit'] }), 'exit')
    closeSync(output)
    t.match(JSON.parse(readFileSync(file, 'utf8')), { msg: 'the last words' })
  },
)

t.test('a log that cannot be written stops nothing, also not the end', async t => {
  const log = join(import.meta.dirname, '../dist/log.js')
  const program = `const { createLog } = await import(${JSON.stringify(log)})
    const log = createLog('info')
    for (let i = 0; i < 20; i++) {
      log.info({ pad: 'x'.repeat(4096) }, 'line')
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    process.exit(7)`
  const output = openSync('/dev/full', 'a')
  const args = ['--input-type=module', '--eval', program]
  const child = spawn(process.execPath, args, { stdio: ['ignore', output, 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  closeSync(output)
  t.strictSame(await once(child, 'exit'), [7, null])
})
