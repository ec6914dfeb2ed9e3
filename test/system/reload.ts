// SIGHUP: another config takes over while requests are under way, or nothing changes at all.
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import t from 'tap'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { type GatewayProcess, spawnGateway } from '../fixtures/process.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { openWebSocket, startSocketUpstream } from '../fixtures/websocket.ts'

const start = async (t: Parameters<typeof startRedis>[0], session = '{}') => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const waiting: (() => void)[] = []
  const old = await startUpstream(t, (req, res, body) => {
    if (req.url === '/api/slow') waiting.push(() => res.end('old and slow'))
    else if (req.url === '/api/who') res.end('old')
    else void api.answer(req, res, body)
  })
  const sockets = await startSocketUpstream(t)
  const gateway = await spawnGateway(
    t,
    `redis: { url: ${redis.url} }\nsession: ${session}\n${routesTo(
      old.url,
      `  - { path: /ws, upstream: "${sockets.url}", websocket: true }`,
    )}`,
  )
  const release = () => {
    for (const answer of waiting.splice(0)) answer()
  }
  return { redis, gateway, old, waiting, release }
}

/** Changes the config file, and resolves with the line that says what came of it. */
const reload = async (
  { file, child, lines }: GatewayProcess,
  ...changes: (readonly [from: string | RegExp, to: string])[]
) => {
  const before = await readFile(file, 'utf8')
  const after = changes.reduce((text, [from, to]) => text.replace(from, to), before)
  if (after === before) throw new Error('nothing changed')
  await writeFile(file, after)
  const seen = lines.length
  const told = () => lines.slice(seen).find(({ msg }) => /reloaded/.test(String(msg)))
  child.kill('SIGHUP')
  await until(told)
  return told()
}

const ask = async (agent: Agent, url: string, cookie: string): Promise<string> => {
  const req = request(url, { agent, headers: { cookie, 'sec-fetch-site': 'same-origin' } })
  req.end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of res) text += chunk
  return `${res.statusCode} ${text}`
}

t.test('a reload under load drops no request, and what was let through goes on', async t => {
  const { gateway, old, waiting, release } = await start(t)
  const { cookie } = await login(gateway, 'alice')
  const fresh = await startUpstream(t, (_req, res) => void res.end('new'))
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const slow = ask(agent, `${gateway.url}/api/slow`, cookie)
  await until(() => waiting.length === 1)
  const socket = await openWebSocket(t, gateway, '/ws', { cookie })
  t.equal(await ask(agent, `${gateway.url}/more`, cookie).then(text => text.slice(0, 3)), '404')

  const counts = new Map<string, number>()
  let stop = false
  t.teardown(() => {
    stop = true
  })
  const loads = Array.from({ length: 8 }, async () => {
    while (!stop) {
      const got = await ask(agent, `${gateway.url}/api/who`, cookie)
      counts.set(got, (counts.get(got) ?? 0) + 1)
    }
  })
  await until(() => (counts.get('200 old') ?? 0) > 100)
  const told = await reload(
    gateway,
    [`upstream: ${old.url}`, `upstream: ${fresh.url}`],
    [/$/, `\n  - { path: /more, upstream: "${fresh.url}" }\n`],
    ['127.0.0.1:0 }', '127.0.0.1:0, token: an-admin-token-that-is-quite-long-enough }'],
  )
  t.match(told, { level: 'info', msg: 'the config is reloaded' })
  await until(() => (counts.get('200 new') ?? 0) > 100)
  stop = true
  await Promise.all(loads)
  t.same([...counts.keys()].sort(), ['200 new', '200 old'], 'nothing but the two answers')

  t.equal(await ask(agent, `${gateway.url}/more`, cookie), '200 new')
  socket.send('still here')
  await until(() => socket.texts().includes('still here'))
  release()
  t.equal(await slow, '200 old and slow')
  const admin = await fetch(`${gateway.admin}/sessions?provider=api&sub=alice`, {
    headers: { authorization: 'Bearer an-admin-token-that-is-quite-long-enough' },
  })
  t.equal(admin.status, 200)

  const text = await readFile(gateway.file, 'utf8')
  await writeFile(gateway.file, `log: { level: warn }\n${text}`)
  gateway.child.kill('SIGHUP')
  const metrics = async () => (await fetch(`${gateway.admin}/metrics`)).text()
  await until(async () => (await metrics()).includes('reloads_total{outcome="done"} 2'))
  t.equal(await ask(agent, `${gateway.url}/more/quiet`, cookie), '200 new')
  t.match(await reload(gateway, ['routes:', 'rutes:']), { level: 'error' })
  const logged = gateway.lines.filter(({ path }) => path === '/more/quiet')
  t.same(logged, [], 'requests are not logged any more')
})

t.test('a wrong config in a reload changes nothing, and the log says why', async t => {
  const { gateway, old } = await start(t)
  const { cookie } = await login(gateway, 'alice')
  const before = await readFile(gateway.file, 'utf8')
  const refusals: readonly (readonly [string, readonly [string | RegExp, string], object])[] = [
    [
      'a misspelt key',
      ['upstream: ', 'upsteam: '],
      { problems: [/routes\/0\/upstream: is missing/, /routes\/0\/upsteam: is not a key here/] },
    ],
    ['no YAML', ['routes:', 'routes: ]'], { problems: [/./] }],
    [
      'keys that cannot change at run time',
      [/listen: (127.0.0.1:\d+)\n/, 'listen: 127.0.0.1:1\nauthPath: /login\n'],
      { keys: ['/listen', '/authPath'] },
    ],
    [
      'parts of such keys',
      ['session: {}', 'session: { idleTimeout: 1m }'],
      { keys: ['/session/idleTimeout'] },
    ],
  ]
  for (const [what, change, why] of refusals) {
    const told = await reload(gateway, change)
    t.match(
      told,
      { level: 'error', msg: /^the config is not reloaded, the one before holds: /, ...why },
      what,
    )
    t.equal(await (await get(gateway, '/api/who', cookie)).text(), 'old', what)
    await writeFile(gateway.file, before)
  }
  const told = await reload(gateway, [`upstream: ${old.url}`, `upstream: ${old.url}/`])
  t.match(told, { level: 'error' }, 'a path in an upstream')
  t.match(
    await (await fetch(`${gateway.admin}/metrics`)).text(),
    /reloads_total\{outcome="refused"\} 5/,
  )
})

t.test(
  'CF-08: a seal secret is exchanged in two reloads, and the old one opens nothing more',
  async t => {
    const { gateway } = await start(
      t,
      '{ sealSecrets: [the-first-secret-for-sealing-records-0001] }',
    )
    const first = await login(gateway, 'alice')
    const again = () => get(gateway, '/api/who', first.cookie)
    t.equal((await again()).status, 200)

    const added = ['[the-first', '[the-other-secret-for-sealing-records-0002, the-first'] as const
    t.match(await reload(gateway, added), { level: 'info' })
    t.equal((await again()).status, 200)
    const second = await login(gateway, 'bob')

    t.match(await reload(gateway, [', the-first-secret-for-sealing-records-0001', '']), {
      level: 'info',
    })
    t.equal((await again()).status, 401, 'not even from memory')
    t.equal((await get(gateway, '/api/who', second.cookie)).status, 200)
  },
)
