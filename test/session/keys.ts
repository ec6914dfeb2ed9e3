import fc from 'fast-check'
import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'

const keys = createKeys('claimcheck:')

t.test('every key is named as operators know it', async t => {
  t.strictSame(
    [
      keys.session('ab12'),
      keys.user('oidc', 'alice@example.com'),
      keys.sid('oidc', 's-1'),
      keys.login('h'),
      keys.ended('oidc', 'alice'),
      keys.endedAll(),
      keys.lease('ab12'),
      keys.jti('oidc', 'j.1'),
      keys.limit('login', 'h'),
      keys.canary('g1'),
    ],
    [
      'claimcheck:session:ab12',
      'claimcheck:user:oidc:alice@example.com',
      'claimcheck:sid:oidc:s-1',
      'claimcheck:login:h',
      'claimcheck:ended:oidc:alice',
      'claimcheck:ended:all',
      'claimcheck:lease:ab12',
      'claimcheck:jti:oidc:j.1',
      'claimcheck:limit:login:h',
      'claimcheck:canary:g1',
    ],
  )
})

t.test('bytes of an id outside the plain alphabet are percent-encoded (AD-05)', async t => {
  const user = (sub: string) => keys.user('oidc', sub).slice('claimcheck:user:oidc:'.length)
  t.equal(user('azAZ09._@|+-'), 'azAZ09._@|+-')
  t.equal(user('*'), '%2A')
  t.equal(user('[a-z]*'), '%5Ba-z%5D%2A')
  t.equal(user('a\nb'), 'a%0Ab')
  t.equal(user('x:y'), 'x%3Ay')
  t.equal(user('100%'), '100%25')
  t.equal(user('ä€😀\0'), '%C3%A4%E2%82%AC%F0%9F%98%80%00')
})

t.test('no two people share a key, whatever their names hold (TK-12)', async t => {
  const name = fc.string({ unit: fc.constantFrom('a', ':', '%', '3', 'A', '*', '\n', 'ä', '😀') })
  fc.assert(
    fc.property(name, name, name, name, (provider, sub, otherProvider, otherSub) => {
      const key = keys.user(provider, sub)
      const same = provider === otherProvider && sub === otherSub
      return (key === keys.user(otherProvider, otherSub)) === same && /^[\x21-\x7e]+$/.test(key)
    }),
    { numRuns: 2000 },
  )
  t.not(keys.user('a:b', 'c'), keys.user('a', 'b:c'))
  t.not(keys.ended('all', ''), keys.endedAll())
})

t.test('the handle is found in the key of a record and in no other', async t => {
  t.equal(keys.handleOfKey('claimcheck:session:ab12'), 'ab12')
  t.equal(keys.handleOfKey('claimcheck:user:oidc:alice'), undefined)
  t.equal(keys.handleOfKey('other:session:ab12'), undefined)
})

t.test('a prefix stands for itself in the patterns for SCAN', async t => {
  const odd = createKeys('a*[b-c]?\\^:')
  t.equal(odd.everySession, 'a\\*\\[b\\-c\\]\\?\\\\\\^:session:*')
  t.equal(odd.everyUser, 'a\\*\\[b\\-c\\]\\?\\\\\\^:user:*')
  t.equal(keys.everyUser, 'claimcheck:user:*')
})
