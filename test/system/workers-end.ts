// How a gateway of several processes ends: told to, killed, or before it began.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { program, spawnGateway } from '../fixtures/process.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { openWebSocket, startSocketUpstream } from '../fixtures/websocket.ts'
import { askAll, isAlive, total, workersOf } from '../fixtures/workers.ts'

/** `/api/slow` answers when `release` is called, everything else at once. */
const prepare = async (t: Parameters<typeof startRedis>[0], redis: string) => {
  const api = createLoginApi()
  const waiting: (() => void)[] = []
  const upstream = await startUpstream(t, (req, res, body) => {
    if (req.url === '/api/slow') waiting.push(() => res.end('slow'))
    else void api.answer(req, res, body)
  })
  const sockets = await startSocketUpstream(t)
  const more = `  - { path: /ws, upstream: "${sockets.url}", websocket: true }
  - { path: /events, upstream: "${sockets.url}" }`
  const yaml = `workers: 2\n${redis}${routesTo(upstream.url, more)}`
  const release = () => {
    for (const answer of waiting.splice(0)) answer()
  }
  return { yaml, waiting, release }
}

const isRefused = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'

t.test('FL-10: SIGTERM under load with slow responses loses none in any worker', async t => {
  const redis = await startRedis(t)
  const { yaml, waiting, release } = await prepare(t, `redis: { url: ${redis.url} }\n`)
  const gateway = await spawnGateway(t, yaml)
  const pids = [...(await workersOf(gateway)).values()]
  const { cookie } = await login(gateway, 'alice')
  const ask = async (agent: Agent, path: string) => {
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const req = request(gateway.url + path, { agent, headers })
    req.end()
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of res) text += chunk
    return { status: res.statusCode, connection: res.headers.connection, text }
  }

  const slow = Array.from({ length: 4 }, () => ask(new Agent(), '/api/slow'))
  await until(() => waiting.length === 4)
  const events = await get(gateway, '/events', cookie)
  const socket = await openWebSocket(t, gateway, '/ws', { cookie })

  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  let answered = 0
  const load = async (kept: boolean) => {
    for (;;) {
      try {
        const { status } = await ask(kept ? agent : new Agent(), '/api/x')
        if (status !== 200) t.fail(`answered ${status}`)
        answered++
      } catch (error) {
        if (isRefused(error)) return
        throw error
      }
    }
  }
  const loads = Array.from({ length: 8 }, (_, i) => load(i % 2 === 0))
  await until(() => answered > 100)
  const exited = once(gateway.child, 'exit')
  gateway.child.kill('SIGTERM')

  await Promise.all(loads)
  t.equal(await events.text(), 'data: first\n\n', 'the event stream ends as a whole')
  t.equal(await socket.code(), 1001)
  const ready = await fetch(`${gateway.admin}/readyz`)
  t.match(await ready.json(), { ready: false, checks: { gateway: 'closing' } })
  t.equal(gateway.child.exitCode, null, 'waits for the slow answers')
  release()
  for (const answer of await Promise.all(slow)) {
    t.match(answer, { status: 200, connection: 'close', text: 'slow' })
  }
  t.same(await exited, [0, null])
  t.match(gateway.lines.at(-1), { msg: 'closed' })
  t.same(pids.filter(isAlive), [])
})

t.test('when the primary is killed the workers end', async t => {
  const redis = await startRedis(t)
  const { yaml, waiting } = await prepare(t, `redis: { url: ${redis.url} }\n`)
  const gateway = await spawnGateway(t, yaml)
  const pids = [...(await workersOf(gateway)).values()]
  t.equal(pids.length, 2)
  const { cookie } = await login(gateway, 'alice')
  const slow = get(gateway, '/api/slow', cookie)
  const cut = t.rejects(slow, 'cut with its worker')
  await until(() => waiting.length === 1)
  gateway.child.kill('SIGKILL')
  await until(() => pids.every(pid => !isAlive(pid)))
  await cut
  const [error] = await once(connect(gateway.port, '127.0.0.1'), 'error')
  t.match(error, { code: 'ECONNREFUSED' })
})

t.test('a second signal ends all of them at once, one that is stuck too', async t => {
  const redis = await startRedis(t)
  const { yaml, waiting } = await prepare(t, `redis: { url: ${redis.url} }\n`)
  const gateway = await spawnGateway(t, yaml)
  const pids = [...(await workersOf(gateway)).values()]
  const { cookie } = await login(gateway, 'alice')
  const cut = t.rejects(get(gateway, '/api/slow', cookie))
  await until(() => waiting.length === 1)
  process.kill(pids[0] ?? 0, 'SIGSTOP')
  const exited = once(gateway.child, 'exit')
  gateway.child.kill('SIGINT')
  await until(() => gateway.lines.some(({ msg }) => msg === 'closing'))
  gateway.child.kill('SIGTERM')
  t.same(await exited, [1, null])
  await until(() => pids.every(pid => !isAlive(pid)))
  await cut
})

t.test('the embedded Redis is one for all, and outlives a worker', async t => {
  const { yaml } = await prepare(t, '')
  const gateway = await spawnGateway(t, yaml)
  t.teardown(async () => {
    if (gateway.child.exitCode !== null) return
    gateway.child.kill('SIGTERM')
    await once(gateway.child, 'exit')
  })
  const { cookie } = await login(gateway, 'alice')
  t.equal((await askAll(gateway, '/api/x', cookie)).size, 2)
  const pids = await workersOf(gateway)
  for (const pid of pids.values()) process.kill(pid, 'SIGKILL')
  const answer = get(gateway, '/api/x', cookie)
  await until(async () => (await fetch(`${gateway.admin}/readyz`)).status === 503)
  const text = await (await answer).text()
  t.match(text, /Bearer/, 'a connection waits until a worker is back')
  await until(async () => (await total(gateway, 'claimcheck_workers ')) === 2)
  t.equal((await askAll(gateway, '/api/x', cookie)).size, 2)
  const exited = once(gateway.child, 'exit')
  gateway.child.kill('SIGTERM')
  t.same(await exited, [0, null])
  const server = await readFile(`${gateway.file}/../claimcheck-data/server.json`).catch(() => '')
  t.equal(server, '', 'and it is ended with the gateway')
})

t.test('a port that is taken is said, and no process is left', async t => {
  const redis = await startRedis(t)
  const { yaml } = await prepare(t, `redis: { url: ${redis.url} }\n`)
  const { file, port } = await spawnGateway(t, yaml)
  const second = spawn(process.execPath, [program, 'serve', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  second.stderr.setEncoding('utf8').on('data', chunk => {
    said += chunk
  })
  // Once nobody has its standard error any more, so no worker either.
  t.same(await once(second, 'close'), [1, null])
  t.match(said, `cannot listen on 127.0.0.1:${port}: `)
})
