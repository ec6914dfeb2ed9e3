// A page on a sibling host and one on a foreign site try everything that a browser offers: the upstream
// of a guarded route gets no byte of it. From the same origin each of these arrives.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import {
  attempts,
  documentAttempts,
  type Make,
  prerenderAttempt,
  speculations,
  webSocketAttempt,
} from '../fixtures/attempts.ts'
import { startChromium } from '../fixtures/chromium.ts'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, secret } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const chromium = await startChromium(t)
const host = 'b.app.localhost'

/** An origin that has a page and nothing else. */
const startSite = async (t: Test): Promise<number> => {
  const server = createServer((_req, res) => {
    res.setHeader('content-type', 'text/html').end('<!doctype html><title>a site</title>')
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A gateway on `b.app.localhost`, and a browser that is logged in there. */
const start = async (t: Test) => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const upstream = await startUpstream(t, (req, res, body) => void api.answer(req, res, body))
  const site = await startSite(t)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }
loginPage: /welcome
routes:
  - { path: /api, upstream: "${upstream.url}" }
  - { path: /live, upstream: "${upstream.url}", websocket: true }
  - { path: /app, upstream: "${upstream.url}", pages: true }
  - path: /login
    methods: [POST]
    upstream: ${upstream.url}
    auth: none
    capture:
      name: api
      token: /access_token
      refreshToken: /refresh_token
      verify: { secret: ${secret}, issuer: test-api }
  - { path: /, upstream: "http://127.0.0.1:${site}", auth: none }
`,
    {},
    undefined,
    undefined,
    host,
  )
  const url = `http://${host}:${gateway.port}`
  const context = await chromium.newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  await page.goto(url)
  const status = await page.evaluate(async () => {
    const body = JSON.stringify({ user: 'alice', password: 'right' })
    const headers = { 'content-type': 'application/json' }
    await fetch('/login', { method: 'POST', headers, body })
    return (await fetch('/api/first')).status
  })
  t.equal(status, 200, 'the browser is logged in')

  let n = 0
  const mentions = (path: string) => gateway.log().split(`"${path}"`).length
  /** What pages of `origin` try, each in one of its own, and what of that arrives at the upstream. */
  const tryAll = async (origin: string) => {
    const tried: string[] = []
    const reached: string[] = []
    const attempt = async (name: string, path: string, make: Make) => {
      const attacker = await context.newPage()
      await attacker.goto(origin)
      const [bytes, before] = [upstream.bytes(), mentions(path)]
      const refused = await make(attacker, url + path)
      // The log tells of a request when it is over: nothing is on its way any more.
      await until(() => mentions(path) > before || refused?.())
      tried.push(`${name} ${path}`)
      if (upstream.bytes() > bytes) reached.push(`${name} ${path}`)
      await attacker.close()
    }
    for (const [name, make] of [...attempts, ...speculations, ...documentAttempts]) {
      await attempt(name, `/api/${n++}`, make)
      if (!documentAttempts.has(name)) await attempt(name, `/app/${n++}`, make)
      // A capture is one path, and unsafe methods only.
      if (/POST|beacon/.test(name)) await attempt(name, '/login', make)
    }
    if (!origin.startsWith('http://127.')) {
      await attempt('prerender', `/app/${n++}`, prerenderAttempt)
    }
    await attempt('WebSocket', `/live/${n++}`, webSocketAttempt)
    return { tried, reached }
  }
  return { url, site, upstream, tryAll, redis }
}

t.test('pages of other sites reach no guarded upstream, those of the same origin do', async t => {
  const { url, site, upstream, tryAll, redis } = await start(t)
  const quiet = upstream.bytes()
  const sibling = await tryAll(`http://a.app.localhost:${site}/`)
  t.strictSame(sibling.reached, [], 'from a sibling')
  const foreign = await tryAll(`http://127.0.0.1:${site}/`)
  t.strictSame(foreign.reached, [], 'from a foreign site')
  t.equal(upstream.bytes(), quiet)
  t.equal((await redis.client.keys('claimcheck:session:*')).length, 1, 'nobody was logged in')

  const own = await tryAll(`${url}/`)
  t.ok(own.tried.length > 60)
  // A worker of a data: URL is of no origin; nobody can tell whose page speculates.
  const wanted = own.tried.filter(name => !/^(?:worker|speculative|prerender)/.test(name))
  t.strictSame(own.reached, wanted, 'from the same origin')
})
