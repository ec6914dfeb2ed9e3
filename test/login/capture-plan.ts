import t from 'tap'
import { compile } from '../../src/login/capture-plan.ts'
import { configOf } from '../fixtures/config.ts'
import { createKey, keySet, sign, startKeyServer } from '../fixtures/issuer.ts'

const secret = 'cGxlbnR5IG9mIGVudHJvcHkgaGVyZQ-0'
const capture = { name: 'api', token: '/access_token', verify: { secret } }
const route = (path: string, more: object = {}, rules: object = {}) => ({
  path,
  methods: ['POST'],
  upstream: 'http://127.0.0.1:1',
  auth: 'none',
  capture: { ...capture, ...rules },
  ...more,
})
const problemsOf = (...routes: object[]) => compile(configOf(routes)).problems

t.test('compiles a capture for each route that has one, by its index', async t => {
  const other = { path: '/', upstream: 'http://127.0.0.1:1', auth: 'none' }
  const { plan, problems } = compile(configOf([other, route('/login'), other, route('/otp')]))
  t.same([...plan.keys()], [1, 3])
  t.same(problems, [])
})

t.test('a compiled capture does what its config says', async t => {
  const key = await createKey()
  const server = await startKeyServer(t, await keySet(key))
  const config = configOf([
    route(
      '/login',
      { cookies: ['lang'] },
      {
        token: '/data/0/jwt~1access',
        refreshToken: '/data/0/refresh',
        remove: ['/data/0/device'],
        subject: '/user/id',
        verify: { jwks: server.url, issuer: 'https://login.test', audience: 'api' },
      },
    ),
  ])
  const token = await sign(key, { user: { id: 7 } })
  const entry = { 'jwt/access': token, refresh: 'refresh-1', device: 'device-1', name: 'Alice' }
  const outcome = await compile(config)
    .plan.get(0)
    ?.process({
      status: 200,
      headers: [
        ...['content-type', 'application/json', 'set-cookie', 'lang=en', 'set-cookie', 'sid=1'],
        ...['set-cookie', '__Host-Http-session=x'],
      ],
      body: Buffer.from(JSON.stringify({ data: [entry] })),
    })
  t.match(outcome, {
    kind: 'session',
    session: {
      provider: 'api',
      sub: '7',
      tokens: { accessToken: token, refreshToken: 'refresh-1' },
    },
    headers: [
      ...['content-type', 'application/json', 'set-cookie', 'lang=en', 'cache-control', 'no-store'],
    ],
  })
  t.equal(outcome?.kind === 'session' && outcome.body.toString(), '{"data":[{"name":"Alice"}]}')
})

t.test('the name of the session cookie is our own, whatever it is', async t => {
  const session = { cookie: { name: '__Host-ticket' } }
  const config = configOf([route('/login', { cookies: ['*'] })], { session })
  const outcome = await compile(config)
    .plan.get(0)
    ?.process({
      status: 401,
      headers: ['set-cookie', '__host-Ticket=x', 'set-cookie', '__Host-Http-login=x'],
      body: Buffer.alloc(0),
    })
  t.match(outcome, { kind: 'pass', headers: ['cache-control', 'no-store'] })
})

t.test('one name is one provider: captures that share it verify alike', async t => {
  t.same(problemsOf(route('/login'), route('/otp', {}, { token: '/jwt' })), [])
  for (const differing of [
    { subject: '/email' },
    { claims: ['sub'] },
    { verify: { secret, issuer: 'b' } },
  ]) {
    t.match(problemsOf(route('/login'), route('/otp', {}, differing)), [
      { path: '/routes/1/capture/name', message: /^is taken/ },
    ])
    t.same(problemsOf(route('/login'), route('/otp', {}, { ...differing, name: 'otp' })), [])
  }
})

t.test('the refresh token has a place of its own', async t => {
  t.match(problemsOf(route('/login', {}, { refreshToken: '/access_token' })), [
    { path: '/routes/0/capture/refreshToken', message: /^must not be/ },
  ])
})

t.test('a refresh takes from the capture what it does not say itself', async t => {
  const at = (refresh: object, rules: object = {}) =>
    compile(
      configOf([route('/login', {}, { refreshToken: '/data/refreshToken', refresh, ...rules })]),
    ).plan.get(0)
  const plan = at({ path: '/api/refresh' })
  t.equal(plan?.name, 'api')
  t.match(plan?.refresh, {
    ...{ path: '/api/refresh', format: 'json', field: 'refreshToken' },
    ...{ token: ['access_token'], refreshToken: ['data', 'refreshToken'] },
    ...{ refreshBefore: 60_000, timeout: 10_000, verify: Function },
  })
  t.same([...(plan?.refresh?.refusals ?? [])], [401])
  const said = { path: '/r', field: 'rt', token: '/jwt', refreshToken: '/next', refusals: [403] }
  t.match(at(said)?.refresh, { field: 'rt', token: ['jwt'], refreshToken: ['next'] })
  t.equal(at({ path: '/r' }, { refreshToken: undefined })?.refresh, undefined)
  t.equal(compile(configOf([route('/login')])).plan.get(0)?.refresh, undefined)
})

t.test('captures of one name refresh alike', async t => {
  const refreshing = (path: string, more: object = {}, rules: object = {}) =>
    route(path, more, { refreshToken: '/r', refresh: { path: '/api/refresh' }, ...rules })
  const first = refreshing('/login')
  t.same(problemsOf(first, refreshing('/otp')), [])
  t.same(problemsOf(first, route('/otp', {}, { refreshToken: '/r' })), [], 'one may speak for all')
  t.same(problemsOf(first, refreshing('/otp', {}, { name: 'otp', refreshToken: '/x' })), [])
  for (const other of [
    refreshing('/otp', {}, { refresh: { path: '/other' } }),
    refreshing('/otp', { upstream: 'http://127.0.0.1:2' }),
    refreshing('/otp', {}, { refreshToken: '/x' }),
  ]) {
    t.match(problemsOf(first, other), [
      { path: '/routes/1/capture/refresh', message: /^differs from/ },
    ])
  }
})
