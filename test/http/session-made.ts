import t from 'tap'
import { createAudit } from '../../src/audit.ts'
import type { Context } from '../../src/http/context.ts'
import { createSessionMade } from '../../src/http/session-made.ts'
import { createMetrics } from '../../src/metrics.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

t.test('a login, whom the limit evicted and whom it replaced: a line and a count each', async t => {
  const { log, lines } = recordLog()
  const metrics = createMetrics()
  const made = createSessionMade({ audit: createAudit(log), metrics })
  const context = { id: 'r-1', forwarding: { client: '::1' }, handle: undefined }
  made(context as unknown as Context, {
    ...{ provider: 'oidc', sub: 'alice', handle: 'new' },
    ...{ replaced: ['old'], evicted: ['a', 'b'] },
  })
  t.equal(context.handle, 'new')
  const person = { provider: 'oidc', sub: 'alice' }
  const request = { id: 'r-1', client: '::1' }
  t.match(lines, [
    { event: 'login', ...request, ...person, handle: 'new' },
    { event: 'sessions_ended', by: 'limit', ...request, ...person, handle: 'a', ended: 1 },
    { event: 'sessions_ended', by: 'limit', ...request, ...person, handle: 'b', ended: 1 },
    { event: 'sessions_ended', by: 'login', ...request, handle: 'old', ended: 1 },
  ])
  t.equal(lines.length, 4)
  t.notOk('sub' in (lines[3] ?? {}), 'the one that was replaced may have been somebody else’s')
  const text = await metrics.expose()
  t.match(text, 'claimcheck_sessions_created_total{provider="oidc"} 1')
  t.match(text, 'claimcheck_sessions_ended_total{cause="limit"} 2')
  t.match(text, 'claimcheck_sessions_ended_total{cause="replaced"} 1')
})
