// SIGTERM: what is under way finishes, what would not end by itself is told, and nothing is hung on to.
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { spawnGateway } from '../fixtures/process.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { openWebSocket, startSocketUpstream } from '../fixtures/websocket.ts'

/** `/api/slow` answers when `release` is called, everything else at once. */
const prepare = async (t: Parameters<typeof startRedis>[0]) => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const waiting: (() => void)[] = []
  const upstream = await startUpstream(t, (req, res, body) => {
    if (req.url === '/api/slow') waiting.push(() => res.end('slow'))
    else void api.answer(req, res, body)
  })
  const sockets = await startSocketUpstream(t)
  const yaml = `redis: { url: ${redis.url} }\n${routesTo(
    upstream.url,
    `  - { path: /ws, upstream: "${sockets.url}", websocket: true }
  - { path: /events, upstream: "${sockets.url}" }`,
  )}`
  const release = () => {
    for (const answer of waiting.splice(0)) answer()
  }
  return { redis, yaml, waiting, release }
}

/** A request on one connection of `agent`; rejects where it is lost. */
const ask = async (agent: Agent, url: string, cookie: string) => {
  const req = request(url, { agent, headers: { cookie, 'sec-fetch-site': 'same-origin' } })
  req.end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of res) text += chunk
  return { status: res.statusCode, connection: res.headers.connection, text }
}

const isRefused = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'

t.test('FL-10: SIGTERM under load with a slow response loses none', async t => {
  const { yaml, waiting, release } = await prepare(t)
  const gateway = await spawnGateway(t, yaml)
  const { cookie } = await login(gateway, 'alice')
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())

  const slow = ask(new Agent(), `${gateway.url}/api/slow`, cookie)
  await until(() => waiting.length === 1)
  const events = await get(gateway, '/events', cookie)
  const socket = await openWebSocket(t, gateway, '/ws', { cookie })
  const idle = connect(gateway.port, '127.0.0.1')
  t.teardown(() => idle.destroy())
  await once(idle, 'connect')
  idle.write(`GET /auth/session HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`)
  await once(idle, 'data')

  let answered = 0
  let last = 0
  const load = async () => {
    for (;;) {
      try {
        const { status, connection } = await ask(agent, `${gateway.url}/api/x`, cookie)
        t.equal(status, 200)
        answered++
        if (connection === 'close') last++
      } catch (error) {
        if (isRefused(error)) return
        throw error
      }
    }
  }
  const loads = Array.from({ length: 8 }, load)
  await until(() => answered > 200)
  const exited = once(gateway.child, 'exit')
  gateway.child.kill('SIGTERM')

  await Promise.all(loads)
  t.equal(last, 8, 'the last answer of each connection says so')
  t.equal(await events.text(), 'data: first\n\n', 'the event stream ends as a whole')
  t.equal(await socket.code(), 1001)
  const ready = await fetch(`${gateway.admin}/readyz`)
  t.equal(ready.status, 503, 'not ready, and says so until the end')
  t.match(await ready.json(), { ready: false, checks: { gateway: 'closing' } })
  t.equal((await fetch(`${gateway.admin}/livez`)).status, 200)
  t.equal(gateway.child.exitCode, null, 'waits for the slow answer')
  release()
  t.match(await slow, { status: 200, connection: 'close', text: 'slow' })
  t.same(await exited, [0, null])
  t.match(gateway.lines.at(-1), { msg: 'closed' })
})

t.test('a second signal ends it at once', async t => {
  const { yaml, waiting } = await prepare(t)
  const gateway = await spawnGateway(t, yaml)
  const { cookie } = await login(gateway, 'alice')
  const slow = ask(new Agent(), `${gateway.url}/api/slow`, cookie)
  await until(() => waiting.length === 1)
  const exited = once(gateway.child, 'exit')
  gateway.child.kill('SIGINT')
  await until(() => gateway.lines.some(({ msg }) => msg === 'closing'))
  gateway.child.kill('SIGTERM')
  await t.rejects(slow)
  t.same(await exited, [1, null])
  t.match(gateway.lines.at(-1), { msg: 'ended at once', signal: 'SIGTERM' })
})

t.test('what does not finish is cut when the time is over', async t => {
  const { yaml, waiting } = await prepare(t)
  const gateway = await startGateway(t, yaml)
  const { cookie } = await login(gateway, 'alice')
  const slow = ask(new Agent(), `${gateway.url}/api/slow`, cookie)
  const lost = t.rejects(slow)
  await until(() => waiting.length === 1)
  await gateway.close({ patience: 100 })
  await lost
})
