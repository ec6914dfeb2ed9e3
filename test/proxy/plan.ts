import t from 'tap'
import { compile } from '../../src/proxy/plan.ts'
import { readTarget } from '../../src/proxy/target.ts'
import { configOf } from '../fixtures/config.ts'

const upstream = 'http://api.internal:3000'
const found = (routes: readonly object[], more?: object) =>
  compile(configOf(routes, more)).problems.map(({ path, message }) => `${path} ${message}`)

t.test('the smallest useful config is a plan without problems', t => {
  const { plan, problems } = compile(
    configOf([
      { path: '/api', upstream },
      { path: '/', upstream: 'http://spa.internal:8080', auth: 'none' },
    ]),
  )
  t.same(problems, [])
  t.same(
    plan.routes.map(route => route.label),
    ['/api', '/'],
  )
  t.same([...plan.upstreams.keys()], ['http://api.internal:3000', 'http://spa.internal:8080'])
  const target = readTarget('/api/x', 'https://app.example.com')
  t.match(target.kind === 'target' && plan.match(target, 'GET'), {
    kind: 'route',
    route: { index: 0 },
  })
  t.end()
})

t.test('the problems of all parts come at once', t => {
  const routes = [
    { path: '/auth/x', upstream },
    { path: '/a', upstream: 'orders', auth: 'none', pages: true },
  ]
  const upstreams = { self: { targets: [upstream, 'https://app.example.com'] } }
  t.match(found(routes, { upstreams }), [
    /^\/upstreams\/self\/targets\/1 is publicUrl/,
    /^\/routes\/1\/upstream must be/,
    /^\/routes\/1\/pages needs/,
    /^\/routes\/0\/path lies under authPath/,
  ])
  t.end()
})

t.test(
  'a route without its upstream is left out of the plan, and the others keep their index',
  t => {
    const { plan } = compile(
      configOf([
        { path: '/a', upstream: 'orders' },
        { path: '/b', upstream },
      ]),
    )
    t.match(plan.routes, [{ path: '/b', index: 1 }])
    t.end()
  },
)

t.test('the login page has to be a page that everybody can see', t => {
  const open = { path: '/login', upstream, auth: 'none' }
  const loginPage = '/login/'
  t.same(found([{ path: '/', upstream }, open], { loginPage }), [])
  t.same(found([{ ...open, path: '/', auth: 'optional' }], { loginPage }), [])
  t.match(found([{ path: '/', upstream, pages: true }], { loginPage }), [
    /^\/loginPage lies on a route with auth: session/,
  ])
  t.match(found([{ path: '/api', upstream }], { loginPage }), [
    /^\/loginPage must be served by a route/,
  ])
  t.match(found([open], { loginPage: '/auth/login' }), [/^\/loginPage must be served/])
  t.match(found([open], { loginPage: '/login/%C0%AE' }), [/^\/loginPage must be served/])
  t.match(found([{ ...open, methods: ['POST'] }], { loginPage }), [/^\/loginPage must be served/])
  t.end()
})
