import t from 'tap'
import { claimReader } from '../../src/proxy/claims.ts'

const claims = {
  sub: 'alice',
  'https://example.com/role': 'admin',
  'a/b': 1,
  'm~n': 2,
  '': 'empty',
  realm_access: { roles: ['clerk', 'boss'], '': 'nameless' },
}

t.test('a name without a leading slash is literal', t => {
  t.equal(claimReader('sub')(claims), 'alice')
  t.equal(claimReader('https://example.com/role')(claims), 'admin')
  t.equal(claimReader('realm_access/roles')(claims), undefined)
  t.equal(claimReader('m~n')(claims), 2)
  t.end()
})

t.test('a leading slash makes it a JSON Pointer', t => {
  t.same(claimReader('/realm_access/roles')(claims), ['clerk', 'boss'])
  t.equal(claimReader('/realm_access/roles/1')(claims), 'boss')
  t.equal(claimReader('/a~1b')(claims), 1)
  t.equal(claimReader('/m~0n')(claims), 2)
  t.equal(claimReader('/realm_access/')(claims), 'nameless')
  t.equal(claimReader('/')(claims), 'empty')
  t.end()
})

t.test('what is not there is undefined, inherited properties too', t => {
  for (const name of [
    'constructor',
    '__proto__',
    'toString',
    '/constructor/name',
    '/__proto__/toString',
    '/sub/length',
    '/sub/0',
    '/realm_access/roles/length',
    '/realm_access/roles/2',
    '/realm_access/roles/01',
    '/realm_access/roles/-',
    '/missing/deeper',
  ]) {
    t.equal(claimReader(name)(claims), undefined, name)
  }
  t.equal(claimReader('__proto__')(JSON.parse('{"__proto__":"own"}')), 'own')
  t.end()
})
