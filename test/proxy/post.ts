import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { createPost, type Posted } from '../../src/proxy/post.ts'
import { createUpstream } from '../../src/proxy/upstream.ts'
import { upstreamPlans } from '../../src/proxy/upstream-plan.ts'
import { configOf } from '../fixtures/config.ts'
import { freePort } from '../fixtures/redis.ts'
import { shortDir } from '../fixtures/short-dir.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const message: Posted = { path: '/refresh?a=b', headers: ['x-one', '1'], body: '{"a":"ü"}' }

const upstreamOf = (...targets: string[]) => {
  const upstreams = { api: { targets, connectTimeout: '200ms' } }
  const plan = upstreamPlans(configOf([{ path: '/', upstream: 'api' }], { upstreams })).get('api')
  if (plan === undefined) throw new Error('no plan')
  return createUpstream(plan)
}

t.test('posts, and reads the whole answer', async t => {
  const api = await startUpstream(t, (_req, res) => {
    res.writeHead(401, ['Retry-After', '7', 'x-two', 'a', 'x-two', 'b'])
    res.write('half ')
    res.end('whole')
  })
  const upstream = upstreamOf(api.url)
  const post = createPost(upstream)
  const reply = await post(message, 5_000)
  t.equal(reply.status, 401)
  t.equal(reply.body.toString(), 'half whole')
  t.same(reply.headers.slice(0, 6), ['Retry-After', '7', 'x-two', 'a', 'x-two', 'b'])
  const [got] = api.requests
  t.match(got, { method: 'POST', url: '/refresh?a=b', headers: { 'x-one': '1' } })
  t.equal(got?.headers.host, new URL(api.url).host)
  t.equal(got?.headers['content-length'], '10')
  t.equal(Buffer.from(got?.body ?? '', 'latin1').toString(), message.body)

  await post({ ...message, body: '' }, 5_000)
  t.equal(api.connections(), 2, 'no connection is used twice: it could be closed just then')
  t.equal(upstream.active(), 0)
})

t.test('an informational answer is not the answer', async t => {
  const api = await startUpstream(t, (_req, res) => {
    res.writeProcessing()
    res.writeEarlyHints({ link: '</a>; rel=preload' })
    res.end('fine')
  })
  t.match(await createPost(upstreamOf(api.url))(message, 5_000), { status: 200 })
})

t.test('goes through a unix socket', async t => {
  const path = join(await shortDir(t), 's')
  const server = createServer((_req, res) => void res.end('here'))
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const reply = await createPost(upstreamOf(`unix:${path}`))(message, 5_000)
  t.equal(reply.body.toString(), 'here')
})

t.test('asks another target only where one could not be reached', async t => {
  const gone = `http://127.0.0.1:${await freePort()}`
  let asked = 0
  const dropping = await startUpstream(t, req => {
    asked++
    req.socket.destroy()
  })
  const well = await startUpstream(t)
  for (const [first, reached] of [
    [gone, true],
    [dropping.url, false],
  ] as const) {
    const upstream = upstreamOf(first, well.url)
    const post = createPost(upstream)
    const outcome = await post(message, 5_000).catch(() => undefined)
    t.equal(outcome !== undefined, reached, 'what was sent is not sent again')
    t.equal(upstream.active(), 0)
  }
  t.equal(asked, 1)
  await t.rejects(createPost(upstreamOf(gone))(message, 5_000), { code: 'ECONNREFUSED' })
})

t.test('gives up in time, whatever comes, and lets go of the connection (FL-07)', async t => {
  let closed = 0
  const slow = await startUpstream(t, (req, res) => {
    req.socket.on('close', () => closed++)
    if (req.url === '/silent') return
    res.writeHead(200)
    const drip = setInterval(() => res.write(' '), 20)
    res.on('close', () => clearInterval(drip))
  })
  const upstream = upstreamOf(slow.url)
  const post = createPost(upstream)
  for (const path of ['/silent', '/drip'])
    await t.rejects(post({ ...message, path }, 100), { code: 'upstream_timeout' })
  await until(() => closed === 2)
  t.equal(upstream.active(), 0)
})

t.test('reads no more than its limit', async t => {
  let closed = false
  const big = await startUpstream(t, (req, res) => {
    req.socket.on('close', () => {
      closed = true
    })
    res.write('x'.repeat(2_000))
  })
  const upstream = upstreamOf(big.url)
  await t.rejects(createPost(upstream, 1_000)(message, 5_000), { message: /more than 1000 bytes/ })
  await until(() => closed)
  t.equal(upstream.active(), 0)
})

t.test('half an answer is none', async t => {
  const api = await startUpstream(t, (_req, res) => {
    res.writeHead(200, { 'content-length': '1000' })
    res.write('half', () => res.destroy())
  })
  await t.rejects(createPost(upstreamOf(api.url))(message, 5_000))
})

t.test('what cannot be sent rejects, and is not under way', async t => {
  const upstream = upstreamOf('http://127.0.0.1:1')
  const post = createPost(upstream)
  await t.rejects(post({ ...message, headers: ['x', 'a\nb'] }, 5_000), {
    code: 'LINE_REFUSED',
  })
  t.equal(upstream.active(), 0)
  const busy = {
    take: () => {
      throw new Error('busy')
    },
  }
  await t.rejects(createPost(busy)(message, 5_000), { message: 'busy' })
})

t.test('a connection that comes too late sends nothing', async t => {
  const api = await startUpstream(t)
  const upstream = upstreamOf(api.url)
  const waiting: (() => void)[] = []
  const late = {
    take: () => {
      const place = upstream.take()
      const dispatch = place.dispatch.bind(place)
      place.dispatch = (...given) => void waiting.push(() => dispatch(...given))
      return place
    },
  }
  await t.rejects(createPost(late)(message, 50), { code: 'upstream_timeout' })
  for (const go of waiting) go()
  await until(() => api.connections() === 1)
  await createPost(upstream)({ ...message, path: '/next' }, 5_000)
  t.same(
    api.requests.map(({ url }) => url),
    ['/next'],
  )
})
