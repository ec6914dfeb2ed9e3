import fc from 'fast-check'
import t from 'tap'
import { createEntries } from '../../src/session/entries.ts'
import type { Session } from '../../src/session/session.ts'

const session = (handle: string, more: Partial<Session> = {}): Session => ({
  ...{ handle, version: '1', claims: {}, scopes: new Set(), hasRefreshToken: false },
  meta: { v: 1, provider: 'oidc', iss: 'i', sub: 'alice', created: 0, expires: 1 },
  bearers: { access_token: 'Bearer x', id_token: undefined },
  ...{ idleDeadline: 10, absoluteDeadline: 20, tokenDeadline: 30 },
  ...more,
})
const roomy = { maxEntries: 1_000, maxBytes: 1e9 }

t.test('an entry is over at the earlier of its deadlines', async t => {
  const entries = createEntries(roomy)
  entries.set(session('a'), 'u')
  entries.set(session('b', { idleDeadline: 50 }), 'u')
  t.equal(entries.get('a')?.deadline, 10)
  t.equal(entries.get('b')?.deadline, 20)
})

t.test('a user key makes its fresh entries suspect, and only those', async t => {
  const entries = createEntries(roomy)
  for (const handle of ['a', 'b', 'c']) entries.set(session(handle), 'u')
  entries.set(session('d'), 'v')
  const b = entries.get('b')
  if (b) b.trust = 'stale'
  entries.remove('c')
  entries.suspect('u')
  entries.suspect('nobody')
  t.same(
    ['a', 'b', 'c', 'd'].map(handle => entries.get(handle)?.trust),
    ['suspect', 'stale', undefined, 'fresh'],
  )
  entries.set(session('a'), 'u')
  t.equal(entries.get('a')?.trust, 'fresh')
})

t.test('larger sessions leave room for fewer', async t => {
  const fill = (more: Partial<Session>) => {
    const entries = createEntries({ maxEntries: 1_000, maxBytes: 100_000 })
    for (let i = 0; i < 100; i++) entries.set(session(String(i), more), 'u')
    t.ok(entries.bytes() <= 100_000)
    return entries.size()
  }
  const small = fill({})
  t.ok(small > 40)
  t.ok(fill({ bearers: { access_token: 'x'.repeat(2_000), id_token: undefined } }) < small)
  t.ok(fill({ bearers: { access_token: 'x', id_token: 'x'.repeat(2_000) } }) < small)
  t.ok(fill({ claims: { roles: 'x'.repeat(2_000) } }) < small)
  t.equal(fill({ claims: { roles: 'x'.repeat(200_000) } }), 0, 'one that fits nowhere is not kept')
})

t.test('it holds what a list that is searched through would hold', async t => {
  const handle = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.record({ kind: fc.constantFrom('set', 'use', 'remove', 'clear', 'set'), handle })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const entries = createEntries({ maxEntries: 3, maxBytes: 1e9 })
      let model: string[] = []
      for (const { kind, handle } of steps) {
        const without = model.filter(one => one !== handle)
        const entry = entries.get(handle)
        if (kind === 'set') {
          entries.set(session(handle), `u${handle}`)
          model = [...without, handle].slice(-3)
        } else if (kind === 'use' && entry !== undefined) {
          entries.use(entry)
          model = [...without, handle]
        } else if (kind === 'remove') {
          entries.remove(handle)
          model = without
        } else if (kind === 'clear') {
          entries.clear()
          model = []
        }
        const kept = ['a', 'b', 'c', 'd', 'e'].filter(one => entries.get(one) !== undefined)
        t.strictSame(kept, model.toSorted())
        t.equal(entries.size(), model.length)
        t.equal(entries.bytes() > 0, model.length > 0)
      }
    }),
    { numRuns: 50 },
  )
})
