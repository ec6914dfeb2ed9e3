import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAudit } from '../src/audit.ts'
import { SetupError } from '../src/errors.ts'
import { createLog, openFileLog } from '../src/log.ts'
import { recordLog } from './fixtures/recorded-log.ts'

const handle = 'a'.repeat(64)

t.test('LO-03, LO-04: an event is one line, whatever is in its values', t => {
  const { log, lines, text } = recordLog()
  const audit = createAudit(log)
  const sub = 'a\r\n{"audit":true}\u001b[31m"'
  audit({ event: 'login', id: 'r-1', client: '192.0.2.1', handle, provider: 'api', sub })
  t.equal(text().split('\n').length, 2)
  t.match(lines, [{ level: 'info', audit: true, msg: 'login', event: 'login', id: 'r-1', sub }])
  t.match(lines[0]?.['time'], /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  t.end()
})

t.test('of refusals, only those that are security events leave a line', t => {
  const { log, lines } = recordLog()
  const audit = createAudit(log)
  for (const code of ['no_session', 'not_found', 'redis_unavailable', 'upstream_failed'] as const) {
    audit({ event: 'refused', code })
  }
  t.same(lines, [])
  for (const code of ['cross_site', 'ambiguous_ticket', 'admin_refused', 'login_ended'] as const) {
    audit({ event: 'refused', code })
  }
  t.same(
    lines.map(line => line['code']),
    ['cross_site', 'ambiguous_ticket', 'admin_refused', 'login_ended'],
  )
  t.end()
})

t.test('a log of severe lines only still has those of the audit; a silent one has none', t => {
  let text = ''
  const write = (line: string) => {
    text += line
  }
  createAudit(createLog('silent', { write }))({ event: 'refused', code: 'cross_site' })
  t.equal(text, '')
  createAudit(createLog('fatal', { write }))({ event: 'refused', code: 'cross_site' })
  t.match(JSON.parse(text), { audit: true, event: 'refused', code: 'cross_site' })
  t.end()
})

t.test('the audit log goes to a file of its own: appended, and there at once', t => {
  const file = join(t.testdir(), 'audit.log')
  for (const name of ['alice', 'bob']) {
    const { log, lines } = recordLog()
    const own = openFileLog(file, log)
    createAudit(own.log)({ event: 'logout', sub: name, outcome: 'done', ended: 1 })
    t.match(readFileSync(file, 'utf8'), `"sub":"${name}"`)
    own.close()
    t.same(lines, [], 'and not to the other log')
  }
  t.equal(readFileSync(file, 'utf8').trimEnd().split('\n').length, 2)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.end()
})

t.test('a file that cannot be opened is a mistake of the operator', t => {
  const { log } = recordLog()
  t.throws(() => openFileLog(join(t.testdir(), 'no', 'folder'), log), SetupError)
  t.end()
})

t.test('a disk that is full is told to the other log, and nothing else happens', async t => {
  const { log, lines } = recordLog()
  const { log: full, close } = openFileLog('/dev/full', log)
  full.info('lost')
  await new Promise(resolve => setImmediate(resolve))
  t.match(lines, [{ level: 'error', err: { code: 'ENOSPC' }, file: '/dev/full' }])
  close()
})
