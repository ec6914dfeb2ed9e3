import t from 'tap'
import { explain } from '../../src/config/explain.ts'
import { duration } from '../../src/config/fields.ts'
import { ConfigSchema } from '../../src/config/schema.ts'
import { RouteSchema } from '../../src/config/schema-routes.ts'
import { RedisSchema, SessionSchema } from '../../src/config/schema-sessions.ts'
import { UpstreamSchema } from '../../src/config/schema-upstreams.ts'
import { validate } from '../../src/config/validate.ts'
import { fieldsOf, schemaAt } from '../../src/config/walk.ts'

const least = {
  publicUrl: 'https://app.example.com',
  routes: [{ path: '/', upstream: 'http://spa.internal:8080' }],
}

const problemsOf = (value: unknown) => {
  const result = validate(value)
  return result.kind === 'refused'
    ? result.problems.map(({ path, message }) => `${path}: ${message}`)
    : []
}

t.test('the least config gets every default', t => {
  const result = validate(least)
  if (result.kind === 'refused') throw new Error(problemsOf(least).join('\n'))
  t.same(result.config, {
    publicUrl: 'https://app.example.com',
    listen: '127.0.0.1:8080',
    admin: { listen: '127.0.0.1:8081' },
    workers: 1,
    trustedProxies: [],
    authPath: '/auth',
    log: { level: 'info' },
    redis: { dataDir: './claimcheck-data', keyPrefix: 'claimcheck:', commandTimeout: 500 },
    session: {
      idleTimeout: 1_800_000,
      absoluteTimeout: 43_200_000,
      maxPerUser: 0,
      atLimit: 'evict-oldest',
      cookie: { name: '__Host-Http-session', sameSite: 'auto' },
      cache: 'tracked',
      cacheLease: 1000,
      streamGrace: 60_000,
      sealSecrets: [],
      recordClient: true,
    },
    limits: {
      logins: { perAddress: 60, perAccount: 30, window: 60_000 },
      logoutTokens: { perAddress: 60, window: 60_000 },
    },
    upstreams: {},
    routes: [
      {
        path: '/',
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
        upstream: 'http://spa.internal:8080',
        auth: 'session',
        pages: false,
        token: 'access_token',
        claimHeaders: {},
        cookies: [],
        cors: { origins: [] },
        slide: true,
        websocket: false,
        maxBody: 0,
        allowClientAuthorization: false,
        allowEncodedSlash: false,
        allowEmptySegments: false,
        allowPathParameters: false,
        allowSharedCache: false,
      },
    ],
  })
  t.same(
    least.routes,
    [{ path: '/', upstream: 'http://spa.internal:8080' }],
    'what came in is as it was',
  )
  t.end()
})

t.test('durations become milliseconds, sizes bytes, also in upstreams and captures', t => {
  const result = validate({
    ...least,
    session: { idleTimeout: '90s', streamGrace: '0s' },
    upstreams: { orders: { targets: ['http://a'], connectTimeout: '1s' } },
    routes: [
      { path: '/', upstream: 'orders', maxBody: '10mb' },
      {
        path: '/login',
        upstream: 'orders',
        maxBody: '0',
        capture: { name: 'api', token: '/t', verify: { secret: 'kR7-vN2_xQ9' } },
      },
    ],
  })
  if (result.kind === 'refused') throw result.problems
  const { session, upstreams, routes } = result.config
  t.match(session, { idleTimeout: 90_000, streamGrace: 0 })
  t.same(upstreams, {
    orders: {
      targets: ['http://a'],
      connectTimeout: 1000,
      headersTimeout: 30_000,
      idleTimeout: 60_000,
    },
  })
  t.equal(routes[0]?.maxBody, 10_485_760)
  t.equal(routes[1]?.maxBody, 0)
  t.match(routes[1]?.capture, {
    subject: '/sub',
    remove: [],
    claims: ['sub', 'name', 'email'],
    verify: { allowInsecureJwks: false },
  })
  t.end()
})

t.test('workers are a number or auto, also as the text that a variable becomes', t => {
  for (const [given, kept] of [
    [undefined, 1],
    [4, 4],
    ['4', 4],
    ['auto', 'auto'],
  ]) {
    const result = validate({ ...least, ...(given !== undefined && { workers: given }) })
    t.equal(result.kind === 'config' && result.config.workers, kept, `${given}`)
  }
  for (const workers of [0, 65, 1.5, true, 'all'])
    t.same(problemsOf({ ...least, workers }), [
      '/workers: must be auto, or a whole number from 1 to 64',
    ])
  t.end()
})

t.test('every kind of mistake has words of its own', t => {
  t.same(
    problemsOf({
      listen: 8080,
      admin: null,
      trustedProxies: true,
      redis: { commandTimeout: '2m' },
      session: {
        idleTimeout: '30',
        cacheLease: 1,
        maxPerUser: -1,
        recordClient: 'yes',
        cache: 'on',
      },
      upstreams: { 'a.b': { targets: ['http://a'] }, c: { targets: [] }, d: {} },
      routes: [
        {
          path: '/',
          upstream: 'c',
          maxBody: '1k',
          claimHeaders: { X_User: 'sub' },
          require: { claims: { role: 'admin', '': ['x'], groups: [{}] } },
          methods: ['get'],
        },
      ],
    }).sort(),
    [
      '/admin: must be a map of keys; it is empty',
      '/listen: must be a text; put it into quotes',
      '/publicUrl: is missing: the origin that people see in the address bar. Cookies, redirects and the cross-site check derive from it, never from Host',
      '/redis/commandTimeout: must be more than zero and at most 1m',
      '/routes/0/claimHeaders/X_User: must be letters, digits and -',
      '/routes/0/maxBody: must be 0 or a size such as 64kb or 10mb',
      '/routes/0/methods/0: must be a method in capital letters, such as GET; CONNECT and TRACE are never forwarded',
      '/routes/0/require/claims/: must be the name of a claim, or a JSON Pointer such as /realm_access/roles',
      '/routes/0/require/claims/groups/0: must be a text, a number, true or false',
      '/routes/0/require/claims/role: must be a list',
      '/session/cache: must be tracked or off',
      '/session/cacheLease: must be a duration such as 500ms, 30s, 15m or 12h',
      '/session/idleTimeout: must be a duration such as 500ms, 30s, 15m or 12h',
      '/session/maxPerUser: must be a whole number, 0 or more',
      '/session/recordClient: must be true or false',
      '/trustedProxies: must be a list',
      '/upstreams/a.b: must begin with a letter, followed by letters, digits, _ and -',
      '/upstreams/c/targets: must have at least one entry',
      '/upstreams/d/targets: is missing: http://, https:// or unix: addresses, taken in turn; no path',
    ],
  )
  t.same(problemsOf([]), [': must be a map of keys'])
  t.end()
})

t.test('a duration with a least says so', t => {
  const schema = { type: 'object', properties: { a: duration('5s', '', { least: '1s' }) } }
  const finding = { keyword: 'duration', schemaPath: '', params: {}, instancePath: '/a' }
  t.same(explain(schema, { ...finding, data: '25h' }), {
    path: '/a',
    message: 'must be at least 1s and at most 24h',
  })
  t.end()
})

t.test('a finding has words even where the schema has none', t => {
  const finding = { instancePath: '/a', schemaPath: '', params: {}, data: 'x' }
  const schema = { properties: { a: { shape: 'anyText' as const, type: 'string' } } }
  const messageOf = (instancePath: string, keyword: string, params = {}) =>
    explain(schema, { ...finding, keyword, instancePath, params }).message
  t.equal(messageOf('/a', 'shape'), 'must be something else')
  t.equal(messageOf('/b', 'required', { missingProperty: 'c' }), 'is missing: ')
  t.equal(messageOf('/b', 'additionalProperties', { additionalProperty: 'c' }), 'is not a key here')
  t.end()
})

t.test('an unknown key comes with the one that was meant, or where it belongs', t => {
  t.same(problemsOf({ ...least, lisen: 'x' }), ['/lisen: is not a key here; did you mean listen?'])
  t.same(problemsOf({ ...least, maxPerUser: 1 }), [
    '/maxPerUser: is not a key here; it belongs under /session',
  ])
  t.same(problemsOf({ ...least, session: { trustedProxies: [] } }), [
    '/session/trustedProxies: is not a key here; it belongs at the top level',
  ])
  t.same(problemsOf({ ...least, providers: 1 }), ['/providers: is not a key here'])
  t.match(problemsOf({ ...least, idleTimeout: '1s' }), [
    /belongs under \/session or under \/upstreams\/\*$/,
  ])
  t.same(
    problemsOf(
      JSON.parse(
        `{"__proto__": 1, "constructor": 2, "publicUrl": "https://a.b", "routes": [{"path": "/", "upstream": "a"}]}`,
      ),
    ),
    ['/__proto__: is not a key here', '/constructor: is not a key here'],
  )
  t.end()
})

t.test('CF-01: each key of the schema, with one letter changed, is named', t => {
  const change = (key: string) => `${key.slice(0, -1)}${key.endsWith('x') ? 'y' : 'x'}`
  for (const { key, parents } of fieldsOf(ConfigSchema)) {
    const list = parents[0] === 'routes'
    const wrong = [...parents, change(key)].map(part => (part === '*' ? (list ? '0' : 'a') : part))
    const value = wrong.reduceRight<unknown>(
      (below, part) => (part === '0' ? [below] : { [part]: below }),
      {},
    )
    const path = `/${wrong.join('/')}`
    t.ok(
      problemsOf(value).some(line => line.startsWith(`${path}: is not a key here`)),
      path,
    )
  }
  t.end()
})

t.test('every key has a description of one line', t => {
  for (const { key, node } of fieldsOf(ConfigSchema))
    t.match(node.description, /^[^\n]{3,160}$/, key)
  t.end()
})

t.test('the schema can be asked for what is at a path', t => {
  t.equal(schemaAt(ConfigSchema, '/session'), SessionSchema)
  t.equal(schemaAt(ConfigSchema, '/redis'), RedisSchema)
  t.equal(schemaAt(ConfigSchema, '/routes/7'), RouteSchema)
  t.equal(schemaAt(ConfigSchema, '/upstreams/any'), UpstreamSchema)
  t.equal(schemaAt(ConfigSchema, '/session/toString'), undefined)
  t.equal(schemaAt(ConfigSchema, '/listen/below'), undefined)
  t.end()
})
