import t from 'tap'
import { conflicts } from '../../src/proxy/conflicts.ts'
import { configOf } from '../fixtures/config.ts'

const upstream = 'http://api.internal:3000'
const at = (path: string, more: object = {}) => ({ path, upstream, ...more })
const found = (routes: readonly object[], more?: object) =>
  conflicts(configOf(routes, more)).map(({ path, message }) => `${path} ${message}`)

t.test('CF-01: routes side by side and below each other are fine', t => {
  const routes = [at('/'), at('/api'), at('/api/orders'), at('/apix'), at('/authx'), at('/auth-x')]
  t.same(found(routes), [])
  t.same(found([at('/a', { methods: ['GET'] }), at('/a', { methods: ['POST'] })]), [])
  t.end()
})

t.test('PA-10: a route over or under the auth path is a problem, in any spelling', t => {
  for (const path of [
    '/auth',
    '/auth/login',
    '/auth/x/y',
    '/AUTH',
    '/Auth/callback',
    '/auth.',
    '/%C3%A1uth',
  ]) {
    t.match(found([at(path)]), [/^\/routes\/0\/path lies under authPath/], path)
  }
  t.match(found([at('/x'), at('/session/me')], { authPath: '/session' }), [
    /^\/routes\/1\/path lies/,
  ])
  t.same(found([at('/auth')], { authPath: '/session' }), [])
  t.end()
})

t.test('CF-01: a method of a path belongs to one route', t => {
  t.same(
    found([
      at('/x'),
      at('/a', { methods: ['GET', 'POST'] }),
      at('/a', { methods: ['PUT', 'POST'] }),
    ]),
    ['/routes/2/methods/1 POST of the same path is already in routes/1'],
  )
  t.equal(found([at('/a'), at('/a')]).length, 7)
  t.match(found([at('/a', { methods: ['GET', 'GET'] })]), [/^\/routes\/0\/methods\/1 GET/])
  t.end()
})

t.test('paths that some upstreams take for one are a problem', t => {
  for (const path of ['/API/orders', '/api/Orders', '/api./orders', '/api/ord%C3%A9rs']) {
    t.match(
      found([at('/x'), at('/api/orders'), at(path)]),
      [/^\/routes\/2\/path must not differ .* routes\/1 /],
      path,
    )
  }
  t.end()
})

t.test('a relaxation is refused above a route with other rules', t => {
  for (const key of ['allowEncodedSlash', 'allowEmptySegments', 'allowPathParameters']) {
    const open = at('/files', { [key]: true })
    t.same(found([at('/'), open, at('/filesx'), at('/x/files')]), [], 'nothing below')
    t.same(
      found([open, at('/files/x', { [key]: true, rewrite: '/y', upstream: 'http://b' })]),
      [],
      'the same rules',
    )
    for (const other of [
      {},
      { [key]: true, auth: 'none' },
      { [key]: true, require: { scopes: ['a'] } },
      { [key]: true, methods: ['GET'] },
    ]) {
      t.same(found([at('/files/Private/x', other), open]), [
        `/routes/1/${key} cannot be allowed: routes/0 lies below and has other rules`,
      ])
    }
    t.match(found([at('/', { [key]: true, auth: 'none' }), at('/api')]), [/routes\/1 lies below/])
  }
  t.end()
})
