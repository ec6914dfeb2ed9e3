import t from 'tap'
import { lifetimeOf, textAt, tokensOf, type Verified } from '../../src/login/captured.ts'

const verified = (expires: number, claims: Record<string, unknown> = {}): Verified => ({
  ...{ kind: 'verified', subject: 'alice', issuer: 'api', expires, claims },
})

t.test('reads a text, which may be left out but not be anything else', async t => {
  t.equal(textAt({ a: { b: 'x' } }, ['a', 'b']), 'x')
  for (const value of [{}, { a: null }, { a: '' }, undefined, 'x'])
    t.equal(textAt(value, ['a']), '')
  for (const value of [{ a: 7 }, { a: ['x'] }, { a: {} }]) t.equal(textAt(value, ['a']), undefined)
})

t.test('counts a life from now, within a century', async t => {
  const life = lifetimeOf(verified(Date.now() + 60_000))
  t.ok(life > 50_000 && life <= 60_000)
  t.equal(lifetimeOf(verified(Date.now() - 1)), 0)
  t.equal(lifetimeOf(verified(1e20)), 100 * 365 * 86_400_000)
})

t.test('keeps what a session needs', async t => {
  const claims = { sub: 'alice', scope: 'from the token' }
  const of = (refresh: string, answer: unknown, also = claims) =>
    tokensOf(verified(1, also), 'at', refresh, answer)
  t.same(of('rt', { scope: 'a b' }), {
    accessToken: 'at',
    refreshToken: 'rt',
    scope: 'a b',
    claims,
  })
  t.same(of('', {}), { accessToken: 'at', scope: 'from the token', claims })
  t.match(of('', { scope: ['a', 'b'] }), { scope: 'a b' })
  t.match(of('', { scope: 7 }), { scope: 'from the token' })
  t.notOk('scope' in tokensOf(verified(1), 'at', '', { scope: [7] }))
})
