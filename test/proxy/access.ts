import t from 'tap'
import { type AccessRules, claimRule, decide, isNavigation } from '../../src/proxy/access.ts'

const get = { method: 'GET', headers: {} }
const navigation = {
  method: 'GET',
  headers: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
}
const route: AccessRules = { auth: 'session', pages: false, require: undefined }
const session = (scopes: string[] = [], claims: Record<string, unknown> = {}) => ({
  scopes: new Set(scopes),
  claims,
})
const forward = { kind: 'forward' }
const noSession = { kind: 'refuse', code: 'no_session' }

t.test('auth: none lets everybody through', t => {
  t.same(decide({ ...route, auth: 'none' }, undefined, get), forward)
  t.same(decide({ ...route, auth: 'none' }, session(), get), forward)
  t.end()
})

t.test('auth: session needs one', t => {
  t.same(decide(route, session(), get), forward)
  t.same(decide(route, undefined, get), noSession)
  t.same(decide(route, undefined, navigation), noSession, 'no login for an API route')
  t.end()
})

t.test('auth: optional takes both', t => {
  t.same(decide({ ...route, auth: 'optional' }, undefined, get), forward)
  t.same(decide({ ...route, auth: 'optional' }, session(), get), forward)
  t.same(decide({ ...route, auth: 'optional', pages: true }, undefined, navigation), forward)
  t.end()
})

t.test('a navigation to a page without a session is sent to log in, anything else is told', t => {
  const page = { ...route, pages: true }
  t.same(decide(page, undefined, navigation), { kind: 'login' })
  t.same(decide(page, undefined, get), noSession)
  t.same(decide(page, undefined, { ...navigation, method: 'POST' }), noSession)
  t.same(decide(page, session(), navigation), forward)
  t.end()
})

t.test('require.scopes: every scope is needed', t => {
  const rules = {
    ...route,
    require: { scopes: ['orders:read', 'orders:write'], claims: [], acr: [], maxAge: undefined },
  }
  t.same(decide(rules, session(['orders:write', 'x', 'orders:read']), get), forward)
  t.same(decide(rules, session(['orders:read', 'ORDERS:WRITE']), get), {
    kind: 'refuse',
    code: 'not_allowed',
    why: 'the session lacks scope orders:write',
  })
  t.same(decide(rules, undefined, get), noSession, '401 comes before 403')
  t.end()
})

t.test('require.claims: one listed value in every claim', t => {
  const claims = [claimRule('role', ['admin', 'boss']), claimRule('/org/level', [3, true])]
  const rules = { ...route, require: { scopes: [], claims, acr: [], maxAge: undefined } }
  const decided = (own: Record<string, unknown>) => decide(rules, session([], own), get)
  t.same(decided({ role: 'boss', org: { level: 3 } }), forward)
  t.same(decided({ role: ['clerk', 'admin'], org: { level: [1, true] } }), forward)
  t.same(decided({ role: 'admin', org: { level: '3' } }), forward)
  t.match(decided({ role: 'admin', org: { level: 4 } }), {
    code: 'not_allowed',
    why: /claim \/org\/level/,
  })
  t.match(decided({ org: { level: 3 } }), { code: 'not_allowed', why: /claim role/ })
  t.end()
})

t.test('a claim that only looks like a listed value does not count', t => {
  const rule = claimRule('role', [
    'admin',
    'null',
    'undefined',
    '[object Object]',
    'admin,boss',
    '',
  ])
  for (const role of [
    null,
    undefined,
    {},
    [],
    ['admin', 'boss'].join(),
    [['admin']],
    [null],
    'Admin',
    'admin ',
    { admin: true },
  ]) {
    t.equal(rule.holds({ role }), role === 'admin,boss', JSON.stringify(role))
  }
  t.equal(claimRule('constructor', ['x']).holds({}), false)
  t.equal(claimRule('toString', ['function toString() { [native code] }']).holds({}), false)
  t.end()
})

t.test('isNavigation goes by Fetch Metadata, and by Accept only without it', t => {
  const fetched = (mode: string, dest: string, accept = 'text/html') =>
    isNavigation('GET', { 'sec-fetch-mode': mode, 'sec-fetch-dest': dest, accept })
  t.ok(fetched('navigate', 'document', '*/*'))
  t.notOk(fetched('navigate', 'iframe'))
  t.notOk(fetched('cors', 'empty'))
  t.notOk(fetched('no-cors', 'document'))
  t.notOk(isNavigation('GET', { 'sec-fetch-mode': 'navigate', accept: 'text/html' }))
  t.notOk(isNavigation('GET', { 'sec-fetch-dest': 'document', accept: 'text/html' }))
  t.ok(isNavigation('GET', { accept: 'application/xml,Text/HTML;q=0.9' }))
  t.notOk(isNavigation('GET', { accept: 'application/json' }))
  t.notOk(isNavigation('GET', {}))
  t.notOk(isNavigation(undefined, { accept: 'text/html' }))
  for (const method of ['HEAD', 'POST', 'get'])
    t.notOk(isNavigation(method, { accept: 'text/html' }))
  t.end()
})

t.test(
  'a login that is not strong or not recent enough is asked for again (OpenID Connect Core 1.0 section 2)',
  async t => {
    const now = () => 1_000_000_000
    const required = (acr: string[], maxAge?: number) => ({
      auth: 'session' as const,
      pages: true,
      require: { scopes: [], claims: [], acr, maxAge },
    })
    const session = (claims: Record<string, unknown>) => ({ scopes: new Set<string>(), claims })
    const ask = { method: 'GET', headers: { 'sec-fetch-mode': 'cors' } }
    const kind = (acr: string[], maxAge: number | undefined, claims: Record<string, unknown>) =>
      decide(required(acr, maxAge), session(claims), ask, now).kind
    t.equal(kind(['phr'], undefined, { acr: 'phr' }), 'forward')
    t.equal(kind(['phr', 'phrh'], undefined, { acr: 'phrh' }), 'forward')
    t.equal(kind(['phr'], undefined, { acr: 'password' }), 'step_up')
    t.equal(kind(['phr'], undefined, {}), 'step_up')
    t.equal(kind(['1'], undefined, { acr: 1 }), 'step_up', 'an acr is a string')
    t.equal(kind([], 60_000, { auth_time: 999_940 }), 'forward')
    t.equal(kind([], 60_000, { auth_time: 999_939 }), 'step_up')
    t.equal(kind([], 60_000, {}), 'step_up')
    t.equal(kind([], 60_000, { auth_time: '999999' }), 'step_up')
    const navigation = {
      method: 'GET',
      headers: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    }
    t.strictSame(decide(required(['phr']), session({}), navigation, now), {
      kind: 'step_up',
      navigation: true,
    })
    t.strictSame(decide({ ...required(['phr']), pages: false }, session({}), navigation, now), {
      kind: 'step_up',
      navigation: false,
    })
  },
)
