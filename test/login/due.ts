import t from 'tap'
import { isDue, isUsable, judge, pauseAfter } from '../../src/login/due.ts'
import type { Session } from '../../src/session/store.ts'

const session = (tokenDeadline: number, handle = '0'.repeat(64)): Session => ({
  ...{ handle, tokenDeadline, version: '', claims: {}, scopes: new Set() },
  meta: { v: 1, provider: 'oidc', iss: '', sub: '', created: 0, expires: 0 },
  ...{ bearers: { access_token: '', id_token: undefined }, hasRefreshToken: true },
  ...{ idleDeadline: Number.POSITIVE_INFINITY, absoluteDeadline: Number.POSITIVE_INFINITY },
})

t.test('a token is not sent in its last moments', async t => {
  const now = 1_000_000
  t.ok(isUsable(session(now + 1_300), now))
  t.notOk(isUsable(session(now + 1_250), now), 'a JWT may be over up to a second early')
  t.notOk(isUsable(session(now - 1), now))
  t.ok(isUsable(session(Number.POSITIVE_INFINITY), now))
})

t.test('a refresh is due at refreshBefore, somewhat earlier for some (TK-04)', async t => {
  const now = 1_000_000
  const margin = 1_250
  const first = '0'.repeat(64)
  const last = 'f'.repeat(64)
  const due = (left: number, handle: string) =>
    isDue(session(now + margin + left, handle), 60_000, now)
  t.notOk(due(60_000, first))
  t.ok(due(59_999, first))
  t.ok(due(60_000, last))
  t.ok(due(71_999, last))
  t.notOk(due(72_000, last))
  t.ok(due(-1_000_000, first))
  t.notOk(isDue(session(Number.POSITIVE_INFINITY), 60_000, now))
  const spread = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(2, '0').repeat(32))
  const count = spread.filter(handle => due(62_000, handle)).length
  t.ok(count > 10 && count < 90, `${count} of 100 sessions at one moment`)
})

t.test('short-lived tokens are not refreshed for every request (TK-10)', async t => {
  t.equal(pauseAfter(undefined, 60_000), 0)
  t.equal(pauseAfter(300_000, 60_000), 0, 'not due for a while anyway')
  t.equal(pauseAfter(61_250, 60_000), 10_000)
  t.equal(pauseAfter(11_250, 60_000), 5_000, 'half of its life')
  t.equal(pauseAfter(2_000, 60_000), 500)
  t.equal(pauseAfter(1_250, 60_000), 10_000, 'it is over before it can be sent')
  t.equal(pauseAfter(0, 60_000), 10_000)
})

t.test('judges a session by what can be done with it', async t => {
  const now = performance.now()
  const [live, over] = [session(now + 10_000), session(now)]
  t.same(judge(live), { kind: 'use', session: live })
  t.same(judge(over), { kind: 'unavailable' })
  t.same(judge(undefined), { kind: 'gone' })
})
