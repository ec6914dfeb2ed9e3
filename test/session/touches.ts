import t from 'tap'
import type { Session } from '../../src/session/session.ts'
import { createTouches, touchInterval } from '../../src/session/touches.ts'

const minute = 60_000
const session = (handle: string, idleDeadline: number, absoluteDeadline = Infinity): Session => ({
  ...{ handle, version: '1', claims: {}, scopes: new Set(), hasRefreshToken: false },
  meta: { v: 1, provider: 'oidc', iss: 'i', sub: 'alice', created: 0, expires: 1 },
  bearers: { access_token: 'Bearer x', id_token: undefined },
  ...{ idleDeadline, absoluteDeadline, tokenDeadline: Infinity },
})

t.test('the interval is a tenth of the idle timeout, a minute at most', async t => {
  t.equal(touchInterval(30 * minute), minute)
  t.equal(touchInterval(5 * minute), 30_000)
})

t.test(
  'a session is touched once it was idle for an interval, by whomever it was last used',
  async t => {
    const { due } = createTouches(30 * minute)
    t.notOk(due(session('a', 30 * minute), 0))
    t.notOk(due(session('a', 30 * minute), minute - 1))
    t.ok(due(session('a', 30 * minute), minute))
    t.notOk(due(session('b', 31 * minute), minute), 'another gateway has just touched it')
  },
)

t.test('it is touched once an interval, also where an old reading of it is held', async t => {
  const { due, size } = createTouches(30 * minute)
  const held = session('a', 30 * minute)
  let touches = 0
  for (let now = 5 * minute; now < 15 * minute; now += 1_000) if (due(held, now)) touches++
  t.equal(touches, 10)
  t.equal(size(), 1)
})

t.test('nothing is written for a session that cannot live longer', async t => {
  const { due } = createTouches(30 * minute)
  t.notOk(due(session('a', 20 * minute, 20 * minute), 10 * minute))
})

t.test('it remembers those of one interval', async t => {
  const { due, size } = createTouches(30 * minute)
  for (let i = 0; i < 1_000; i++) due(session(`s${i}`, 30 * minute), 2 * minute + i * 1_000)
  t.ok(size() <= 62)
})
