// Whose request it is: what an upstream that limits by address can rely on.
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const start = async (t: Parameters<typeof startRedis>[0], yaml = '') => {
  const redis = await startRedis(t)
  const api = await startUpstream(t, createLoginApi().answer)
  const upstream = await startUpstream(t, (req, res) => {
    if (req.url === '/x/limited') {
      res.writeHead(429, { 'retry-after': '17', 'content-type': 'text/plain' })
    }
    res.end('slow down')
  })
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url}, commandTimeout: 10s }\n${yaml}\n${routesTo(api.url, `  - { path: /x, upstream: "${upstream.url}" }`)}`,
  )
  const { cookie } = await login(gateway, 'alice')
  const ask = (path: string, headers: Record<string, string> = {}) =>
    get(gateway, path, cookie, { headers })
  const seen = async (headers: Record<string, string>) => {
    await ask('/x', headers)
    const last = upstream.requests.at(-1)?.headers
    return [last?.['x-forwarded-for'], last?.forwarded?.split(';')[0]]
  }
  return { ask, seen }
}

t.test('behind a trusted proxy two clients are two addresses (RL-07)', async t => {
  const { seen } = await start(t, 'trustedProxies: [127.0.0.1]')
  t.strictSame(await seen({ 'x-forwarded-for': '192.0.2.1' }), [
    '192.0.2.1, 127.0.0.1',
    'for=192.0.2.1',
  ])
  t.strictSame(await seen({ 'x-forwarded-for': '6.6.6.6, 192.0.2.2' }), [
    '192.0.2.2, 127.0.0.1',
    'for=192.0.2.2',
  ])
})

t.test('a client cannot choose its address (RL-07)', async t => {
  const { seen } = await start(t)
  for (const name of [
    'x-forwarded-for',
    'forwarded',
    'x-real-ip',
    'x-client-ip',
    'x_forwarded_for',
  ]) {
    t.strictSame(
      await seen({ [name]: name === 'forwarded' ? 'for=192.0.2.1' : '192.0.2.1' }),
      ['127.0.0.1', 'for=127.0.0.1'],
      name,
    )
  }
})

t.test('an upstream’s own 429 passes as it is (RL-07)', async t => {
  const { ask } = await start(t)
  const limited = await ask('/x/limited')
  t.equal(limited.status, 429)
  t.equal(limited.headers.get('retry-after'), '17')
  t.equal(limited.headers.get('content-type'), 'text/plain')
  t.equal(await limited.text(), 'slow down')
})
