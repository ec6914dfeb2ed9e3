import t from 'tap'
import { createRewrite } from '../../src/proxy/rewrite.ts'

const publicOrigin = 'https://app.example.com'
const origins = new Set(['http://10.0.0.5:3000', 'https://orders.internal'])
const rewritten = (path: string, rewrite?: string) =>
  createRewrite(path, rewrite, origins, publicOrigin)

t.test('the matched prefix is replaced on the way in', t => {
  const cases: [path: string, rewrite: string | undefined, asked: string, sent: string][] = [
    ['/api/orders', '/v2/orders', '/api/orders', '/v2/orders'],
    ['/api/orders', '/v2/orders', '/api/orders/', '/v2/orders/'],
    ['/api/orders', '/v2/orders', '/api/orders/7', '/v2/orders/7'],
    ['/api/orders', '/v2/orders', '/api/orders/7//x%2Fy/', '/v2/orders/7//x%2Fy/'],
    ['/api/orders', '/', '/api/orders/7', '/7'],
    ['/api/orders', '/', '/api/orders/', '/'],
    ['/api/orders', '/', '/api/orders', '/'],
    ['/', '/v2', '/', '/v2/'],
    ['/', '/v2', '/7', '/v2/7'],
    ['/', '/', '/7', '/7'],
    ['/api', '/api', '/api', '/api'],
    ['/api', undefined, '/api/7', '/api/7'],
    ['/', undefined, '/', '/'],
  ]
  for (const [path, rewrite, asked, sent] of cases) {
    t.equal(rewritten(path, rewrite).upstreamPath(asked), sent, `${path} to ${rewrite}: ${asked}`)
  }
  t.end()
})

t.test('PX-10: a Location under the rewritten prefix is mapped back', t => {
  const cases: [path: string, rewrite: string, location: string, seen: string][] = [
    ['/api/orders', '/v2/orders', '/v2/orders', '/api/orders'],
    ['/api/orders', '/v2/orders', '/v2/orders/', '/api/orders/'],
    ['/api/orders', '/v2/orders', '/v2/orders/7?a=b#c', '/api/orders/7?a=b#c'],
    ['/api/orders', '/v2/orders', '/v2/orders?a', '/api/orders?a'],
    ['/api/orders', '/v2/orders', '/v2/orders#c', '/api/orders#c'],
    ['/api/orders', '/', '/7', '/api/orders/7'],
    ['/api/orders', '/', '/', '/api/orders/'],
    ['/', '/v2', '/v2', '/'],
    ['/', '/v2', '/v2?a', '/?a'],
    ['/', '/v2', '/v2/7', '/7'],
  ]
  for (const [path, rewrite, location, seen] of cases) {
    t.equal(
      rewritten(path, rewrite).publicLocation(location),
      seen,
      `${path} to ${rewrite}: ${location}`,
    )
  }
  t.end()
})

t.test('PX-10: a Location at the upstream’s own authority becomes a public path', t => {
  const { publicLocation } = rewritten('/api/orders', '/v2/orders')
  for (const [location, seen] of [
    ['http://10.0.0.5:3000/v2/orders/7?a#b', '/api/orders/7?a#b'],
    ['HTTP://10.0.0.5:3000/v2/orders', '/api/orders'],
    ['//10.0.0.5:3000/v2/orders/7', '/api/orders/7'],
    ['//orders.internal/v2/orders/7', '/api/orders/7'],
    ['https://orders.internal:443/v2/orders/7', '/api/orders/7'],
    ['https://orders.internal', '/'],
    ['http://10.0.0.5:3000/elsewhere', '/elsewhere'],
    ['http://10.0.0.5:3000/v2/orders/../../admin', '/admin'],
  ] as const) {
    t.equal(publicLocation(location), seen, location)
  }
  t.equal(
    rewritten('/api').publicLocation('http://10.0.0.5:3000/api/7'),
    '/api/7',
    'without rewrite too',
  )
  t.end()
})

t.test('any other Location stays as it is', t => {
  const { publicLocation } = rewritten('/api/orders', '/v2/orders')
  for (const location of [
    'https://evil.example/v2/orders',
    '//evil.example/v2/orders',
    'http://10.0.0.5:3001/v2/orders',
    'https://10.0.0.5:3000/v2/orders',
    'http://10.0.0.5:3000@evil.example/v2/orders',
    'http://orders.internal/v2/orders',
    'https://app.example.com/v2/orders',
    '/v2/ordersx',
    '/v2',
    '/elsewhere',
    '7',
    '../7',
    '?a',
    '#b',
    '',
    'http://[',
    'mailto:a@b',
    ' /v2/orders',
  ]) {
    t.equal(publicLocation(location), location, location)
  }
  t.equal(rewritten('/api').publicLocation('/api/7'), '/api/7')
  t.end()
})

t.test('a mapped path is never read as the name of a host', t => {
  const { publicLocation } = rewritten('/', '/v2')
  t.equal(publicLocation('/v2//evil.example'), 'https://app.example.com//evil.example')
  t.equal(publicLocation('/v2/\\evil.example'), 'https://app.example.com/\\evil.example')
  t.equal(publicLocation('/v2/\t/evil.example'), 'https://app.example.com/\t/evil.example')
  t.equal(
    publicLocation('http://10.0.0.5:3000//evil.example'),
    'https://app.example.com//evil.example',
  )
  t.equal(
    publicLocation('//10.0.0.5:3000/v2//evil.example'),
    'https://app.example.com//evil.example',
  )
  t.end()
})
