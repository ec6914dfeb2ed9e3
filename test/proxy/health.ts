import t from 'tap'
import { createHealth } from '../../src/proxy/health.ts'

t.test(
  'a target is left alone for a time that grows, and back at once when it is reached',
  async t => {
    const health = createHealth()
    t.equal(health.dueAt(0, 5), 0)
    health.failed(1000)
    t.equal(health.dueAt(1000, 0), 1500)
    health.failed(1100)
    t.equal(health.dueAt(1499, 0), 1500, 'requests that fail together count once')
    t.equal(health.dueAt(1500, 0), 0, 'then one may try')
    t.equal(health.dueAt(1500, 1), 1500, 'but only one')
    health.failed(1500)
    t.equal(health.dueAt(1500, 0), 2500)
    health.reached()
    t.equal(health.dueAt(1500, 9), 0)
  },
)

t.test('the time has a limit', async t => {
  const health = createHealth()
  let now = 0
  for (let i = 0; i < 40; i++) {
    health.failed(now)
    now = health.dueAt(now, 0)
  }
  health.failed(now)
  t.equal(health.dueAt(now, 0) - now, 30_000)
})

t.test('a target that answered unasked is suspect for ten minutes (PX-13)', async t => {
  const health = createHealth()
  t.notOk(health.isSuspect(0))
  health.answeredUnasked(1000)
  t.ok(health.isSuspect(600_999))
  t.notOk(health.isSuspect(601_000))
  t.equal(health.dueAt(1000, 0), 0, 'it is used all the same')
})
