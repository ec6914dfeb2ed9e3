import t from 'tap'
import { isUrl, upstreamPlans, wrongWithTarget } from '../../src/proxy/upstream-plan.ts'
import { configOf } from '../fixtures/config.ts'

const api = { path: '/api', upstream: 'http://api.internal:3000' }

t.test('a name is told from a URL', t => {
  t.ok(isUrl('http://a'))
  t.ok(isUrl('unix:/run/a.sock'))
  t.notOk(isUrl('orders'))
  t.end()
})

t.test('targets are read into what a connection needs', t => {
  const targets = [
    'http://A.internal:80',
    'https://b.internal:8443',
    'unix:/run/c.sock',
    'http://[::1]:3000',
  ]
  const plan = upstreamPlans(configOf([api], { upstreams: { orders: { targets } } })).get('orders')
  t.same(plan?.targets, [
    {
      protocol: 'http:',
      origin: 'http://a.internal',
      authority: 'a.internal',
      socketPath: undefined,
    },
    {
      protocol: 'https:',
      origin: 'https://b.internal:8443',
      authority: 'b.internal:8443',
      socketPath: undefined,
    },
    {
      protocol: 'http:',
      origin: 'http://localhost',
      authority: 'localhost',
      socketPath: '/run/c.sock',
    },
    {
      protocol: 'http:',
      origin: 'http://[::1]:3000',
      authority: '[::1]:3000',
      socketPath: undefined,
    },
  ])
  t.end()
})

t.test(
  'the URL of a route is an upstream with the defaults of the schema, shared by its routes',
  t => {
    const upstreams = { named: { targets: ['http://a'] } }
    const plans = upstreamPlans(
      configOf([api, { ...api, path: '/b' }, { path: '/c', upstream: 'named' }], { upstreams }),
    )
    t.same([...plans.keys()], ['named', 'http://api.internal:3000'])
    const { name: _, targets: __, ...standard } = plans.get('named') ?? { name: '', targets: [] }
    t.match(plans.get('http://api.internal:3000'), {
      name: 'http://api.internal:3000',
      ...standard,
    })
    t.end()
  },
)

t.test('what an upstream says of times and TLS is kept', t => {
  const orders = {
    targets: ['https://a'],
    connectTimeout: '1s',
    headersTimeout: '2s',
    idleTimeout: '3m',
    tls: { ca: '/ca.pem' },
  }
  t.match(upstreamPlans(configOf([api], { upstreams: { orders } })).get('orders'), {
    name: 'orders',
    connectTimeout: 1000,
    headersTimeout: 2000,
    idleTimeout: 180_000,
    tls: { ca: '/ca.pem' },
  })
  t.end()
})

t.test('a target that is the gateway itself is wrong', t => {
  const config = configOf([api], { listen: '0.0.0.0:8080', admin: { listen: '127.0.0.1:8081' } })
  for (const target of ['https://app.example.com', 'https://APP.example.com:443']) {
    t.match(wrongWithTarget(target, config), /publicUrl/, target)
  }
  for (const target of [
    'http://127.0.0.1:8080',
    'http://localhost:8080',
    'http://[::1]:8080',
    'https://0.0.0.0:8080',
  ]) {
    t.match(wrongWithTarget(target, config), /listens on/, target)
  }
  t.match(wrongWithTarget('http://localhost:8081', config), /admin listener/)
  for (const target of [
    'http://app.example.com',
    'http://127.0.0.1:3000',
    'http://api.internal:8080',
    'unix:/run/a.sock',
  ]) {
    t.equal(wrongWithTarget(target, config), undefined, target)
  }
  t.end()
})

t.test(
  'default ports, v6 addresses and ports that are not known yet are taken for what they are',
  t => {
    const at = (listen: string, target: string) =>
      wrongWithTarget(target, configOf([api], { listen, admin: { listen: '127.0.0.1:0' } }))
    t.match(at('127.0.0.1:80', 'http://localhost'), /listens on/)
    t.match(at('127.0.0.1:443', 'https://localhost'), /listens on/)
    t.match(at('[::1]:8080', 'http://[::1]:8080'), /listens on/)
    t.match(at('[::]:8080', 'http://127.0.0.1:8080'), /listens on/)
    t.match(at('gateway.internal:8080', 'http://Gateway.internal:8080'), /listens on/)
    t.equal(at('gateway.internal:8080', 'http://localhost:8080'), undefined)
    t.equal(at('127.0.0.1:0', 'http://127.0.0.1:0'), undefined)
    t.end()
  },
)
