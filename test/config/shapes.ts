import t from 'tap'
import { claimName, headerName, isOwnHeader, upstreamName } from '../../src/config/names.ts'
import { routePath } from '../../src/config/paths.ts'
import { bearer } from '../../src/config/secrets.ts'
import { type Shape, type ShapeName, shapes } from '../../src/config/shapes.ts'
import { isLocalOrigin, publicUrl } from '../../src/config/urls.ts'

const good = 'kR7-vN2_xQ9.tL4~wB8+mZ3/pF6hJ5cD='

/** Of each shape: what it accepts, what it refuses. */
const table: Record<ShapeName, { sound: string[]; refused: string[] }> = {
  anyText: { sound: ['x', ' '], refused: [''] },
  authPath: {
    sound: ['/auth', '/-/auth', '/a.b'],
    refused: ['', '/', 'auth', '/auth/', '//auth', '/a/../b', '/a%20b', '/a;b', '/a?b', '/a*'],
  },
  bearer: { sound: [good], refused: ['', good.slice(2), `${good} `, `${good}é`, 'x'.repeat(40)] },
  claim: {
    sound: ['sub', 'https://x.example/role', '/realm_access/roles', '/a~1b'],
    refused: ['', '/a~', '/a~2'],
  },
  cookie: { sound: ['theme', '*', '__Host-x'], refused: ['', 'a b', 'a=b', 'a;b', 'ä'] },
  jwksUrl: {
    sound: ['https://api.internal/jwks.json', 'http://127.0.0.1:1/x?y'],
    refused: [
      '',
      'api.internal/jwks.json',
      'file:///jwks.json',
      'https://u:p@a/x',
      'https://a/x#y',
    ],
  },
  keyPrefix: { sound: ['claimcheck:', 'a/b-c_d.e'], refused: ['', 'a b', 'a*', '{a}:', 'a?'] },
  listen: {
    sound: ['127.0.0.1:0', '[::]:80', 'localhost:80'],
    refused: ['', ':80', '80', '::1:80'],
  },
  localPage: {
    sound: ['/login', '/', '/a/b/', '/caf%C3%A9'],
    refused: ['', 'login', 'https://x/login', '//x', '/\\x', '/a?b', '/a#b', '/a//b', '/a//'],
  },
  method: {
    sound: ['GET', 'POST', 'PROPFIND'],
    refused: ['', 'get', 'CONNECT', 'TRACE', 'GRAB', '*'],
  },
  network: { sound: ['10.0.0.0/8'], refused: ['true', '0.0.0.0/0'] },
  origin: {
    sound: ['https://admin.example.com', 'http://localhost:3000', 'https://a.example:8443'],
    refused: [
      ...['', '*', 'null', 'https://*.example.com', 'https://a.example/', 'https://a.example:443'],
      ...[
        'https://A.example',
        'https://a.example/x',
        'a.example',
        'ftp://a.example',
        'https://u@a.b',
      ],
    ],
  },
  pointer: { sound: ['/access_token', '/a/0', '/', '/a~0b'], refused: ['', 'a', '/a~', '/~2'] },
  provider: { sound: ['api', 'a-1'], refused: ['', 'oidc', 'API', '1a', 'a_b', 'a:b'] },
  publicUrl: {
    sound: [
      'https://app.example.com',
      'http://localhost:8080',
      'http://a.localhost',
      'http://[::1]:1',
      'http://127.0.0.1',
    ],
    refused: [
      ...[
        '',
        'app.example.com',
        'https://app.example.com/',
        'https://app.example.com/x',
        'https://*.a.b',
      ],
      ...['https://app.example.com?', 'https://app.example.com#', 'https://u:p@app.example.com'],
      ...[
        'http://app.example.com',
        'http://127.0.0.2',
        'http://localhost.example.com',
        'ws://localhost',
      ],
    ],
  },
  redisNode: { sound: ['10.0.0.1:26379', '[::1]:1'], refused: ['', '10.0.0.1', '10.0.0.1:0'] },
  redisUrl: {
    sound: [
      ...['embedded', 'redis://redis', 'redis://:p%40ss@10.0.0.1:6379/2', 'rediss://u:p@r:1'],
      ...['unix:///run/redis.sock', 'unix://u:p@/run/redis.sock', 'redis://[::1]:6379'],
    ],
    refused: [
      ...['', 'redis', 'redis:6379', 'http://redis', 'redis://', 'redis://r/x', 'redis://r?db=1'],
      ...['unix:redis.sock', 'redis://:%zz@r', 'Embedded', 'redis://r/0#'],
    ],
  },
  routePath: {
    sound: ['/', '/api', '/api/v1.2/a:b', '/caf%C3%A9', '/@me', '/a$b'],
    refused: [
      ...[
        '',
        'api',
        '/api/',
        '//',
        '/a//b',
        '/a/./b',
        '/..',
        '/api/*',
        '/users/:id',
        '/a?b',
        '/a#b',
      ],
      ...['/a;b', '/a%2Fb', '/a%2e', '/a%5Cb', '/%41', '/a%c3%a9', '/a%', '/a b', '/é', '/a\\b'],
      ...['^/foo/.*/bar', '/{id}', '/a%7E', '/a%2D'],
    ],
  },
  sealSecret: {
    sound: [good, 'twenty ducks, a red barn & one €'],
    refused: ['', 'x'.repeat(64), good.slice(2)],
  },
  secret: {
    sound: [good, 'short but nobody elses'],
    refused: [
      ...[
        '',
        'secret',
        'Password1',
        'p@ssw0rd',
        'changeme',
        'please-change-me-to-something-long-enough',
      ],
      ...['your-256-bit-secret', 'a-string-secret-at-least-256-bits-long', 'keyboard cat'],
      ...['00000000000000000000000000000000', 'abcabcabcabcabcabcabcabcabcabcabc'],
    ],
  },
  sessionCookie: {
    sound: ['__Host-Http-session', '__Host-s', '__Secure-s', '__Http-s', 'session', '_s'],
    refused: ['', 'a b', '__Host-', '__host-s', '__Foo-s', '__s', '__Host-Http-login', 'a=b'],
  },
  target: {
    sound: [
      'http://10.0.0.5:3000',
      'https://api.internal',
      'unix:/run/api.sock',
      'http://my_api:1',
      'http://[::1]:1',
    ],
    refused: [
      ...['', 'api.internal:3000', 'http://api/', 'http://api/x', 'http://api?x', 'http://u:p@api'],
      ...[
        'ws://api',
        'unix:api.sock',
        'unix://run/api.sock',
        'http://api:99999',
        'http://',
        'http://a b',
      ],
    ],
  },
  upstream: {
    sound: ['orders', 'http://api:3000', 'unix:/run/api.sock', 'Orders_v2-a'],
    refused: ['', 'or ders', 'api.internal', 'api:3000', 'http://api/x', '-a', '1a'],
  },
}

const shapeOf: Readonly<Record<string, Shape>> = shapes

for (const [name, { sound, refused }] of Object.entries(table)) {
  t.test(`the shape ${name} tells what is right from what is not`, t => {
    for (const text of sound) t.equal(shapeOf[name]?.(text), undefined, `takes "${text}"`)
    for (const text of refused) t.match(shapeOf[name]?.(text), /^must /, `refuses "${text}"`)
    t.end()
  })
}

t.test('a reason tells mistakes apart', t => {
  t.match(publicUrl('http://app.example.com'), /must be https/)
  t.match(publicUrl('https://app.example.com/x'), /nothing after the host/)
  t.match(bearer('short'), /at least 32/)
  t.match(bearer('changeme'.repeat(5)), /sample/)
  t.match(routePath('/api/*'), /no pattern/)
  t.match(shapes.redisUrl('redis://:%zz@r'), /%25/)
  t.end()
})

t.test('only origins that never leave this machine are local', t => {
  t.ok(isLocalOrigin('http://localhost:8080'))
  t.ok(isLocalOrigin('https://a.localhost'))
  t.notOk(isLocalOrigin('https://app.example.com'))
  t.notOk(isLocalOrigin('not a URL'))
  t.end()
})

t.test('names of maps', t => {
  t.match('orders', new RegExp(upstreamName))
  t.notMatch('a.b', new RegExp(upstreamName))
  t.match('X-User', new RegExp(headerName))
  t.notMatch('X_User', new RegExp(headerName), 'HD-02: CGI folds it onto X-User')
  t.match('/realm_access/roles', new RegExp(claimName))
  t.notMatch('', new RegExp(claimName))
  for (const name of [
    'authorization',
    'Cookie',
    'X-Forwarded-For',
    'content-length',
    'sec-fetch-site',
  ])
    t.ok(isOwnHeader(name), name)
  t.notOk(isOwnHeader('X-User'))
  t.end()
})
