// Sessions of a captured login live on when their token runs out, as those of a provider do.
import { readFile, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { get, issue, login } from '../fixtures/login-api.ts'
import { type GatewayProcess, spawnGateway } from '../fixtures/process.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { json, type RefreshApi, startRefreshApi } from '../fixtures/refresh-api.ts'
import { until } from '../fixtures/until.ts'

type Test = Parameters<typeof startRedis>[0]

const sealed = /eyJ|refresh-\w+-\d+-canary/

const expOf = (authorization: string): number =>
  JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString()).exp * 1000

/** Sessions whose tokens have just run out, unused. */
const expiredOf = async ({ state }: RefreshApi, gateway: { url: string }, users: string[]) => {
  state.life = '2s'
  const sessions = await Promise.all(users.map(user => login(gateway, user)))
  state.life = '1h'
  state.calls.length = 0
  // Nothing announces that a token runs out but the clock.
  await sleep(2_000)
  return sessions.map(({ cookie }) => cookie)
}
const expired = async (api: RefreshApi, gateway: { url: string }, user = 'alice') => {
  const [cookie = ''] = await expiredOf(api, gateway, [user])
  return { cookie }
}

/** One gateway in this process. */
const start = async (t: Test, refresh = '') => {
  const redis = await startRedis(t)
  const api = await startRefreshApi(t)
  const yaml = `redis: { url: ${redis.url} }\n${api.yaml(refresh)}`
  const gateway = await startGateway(t, `log: { level: trace }\n${yaml}`)
  const records = () => redis.client.keys('claimcheck:session:*')
  return { redis, api, gateway, records }
}

t.test(
  'a session outlives its tokens: renewed in time, each refresh token used once (TK-04, TK-09)',
  async t => {
    const { api, gateway } = await start(t)
    api.state.life = '4s'
    const { cookie, text } = await login(gateway, 'alice')
    t.notMatch(text, sealed)
    const tokens = new Set<string>()
    await until(async () => {
      const answer = await get(gateway, '/api/x', cookie)
      t.equal(answer.status, 200)
      const { authorization } = (await answer.json()) as { authorization: string }
      t.ok(Date.now() < expOf(authorization))
      return tokens.add(authorization).size === 3
    })
    t.ok(api.state.calls.length >= 2)
    t.same(new Set(api.state.calls), new Set(['renewed']))
    t.notMatch(gateway.log(), sealed, 'no token in the log, at any level')
    const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
    t.match(metrics, /claimcheck_refreshes_total\{outcome="renewed"\} [1-9]/)
    const [call] = api.requests.filter(({ url }) => url === '/api/refresh')
    t.equal(call?.headers.cookie, undefined)
    t.equal(call?.headers['x-forwarded-for'], undefined, 'it is the gateway that asks')
  },
)

t.test('200 requests at two gateways: one call (TK-05)', async t => {
  const redis = await startRedis(t)
  const api = await startRefreshApi(t)
  const publicPort = await freePort()
  const yaml = `redis: { url: ${redis.url} }\n${api.yaml()}`
  const one = await spawnGateway(t, yaml, { publicPort })
  const two = await spawnGateway(t, yaml, { publicPort })
  for (const seconds of [0, 3]) {
    const { cookie } = await expired(api, one, `user${seconds}`)
    api.state.before = () => sleep(seconds * 1_000)
    api.state.seen.length = 0
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => get(n % 2 ? one : two, '/api/x', cookie)),
    )
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]), `API takes ${seconds} s`)
    t.same(api.state.calls, ['renewed'])
    t.ok(api.state.seen.every(({ at, authorization }) => at < expOf(authorization)))
  }
})

t.test('whatever else the API answers, the session is kept (FL-07)', async t => {
  const { api, gateway, records } = await start(t, ', timeout: 300ms')
  const instead: Record<string, (res: ServerResponse, user: string) => unknown> = {
    'a 500': res => res.writeHead(500).end(),
    'a 503': res => res.writeHead(503, { 'retry-after': '1' }).end(),
    'no answer': () => undefined,
    'a reset': res => res.destroy(),
    HTML: res => res.writeHead(200, { 'content-type': 'text/html' }).end('<p>Log in!</p>'),
    'a 403': res => json(res, { error: 'Forbidden' }, 403),
    'a 400': res => json(res, { message: 'what?' }, 400),
    'a wrong client': res => json(res, { error: 'invalid_client' }, 401),
    'a forged token': async (res, user) =>
      json(res, { access_token: `${(await issue(user)).slice(0, -9)}AAAAAAAAA` }),
    'an old token': async (res, user) => json(res, { access_token: await issue(user, {}, '-1m') }),
  }
  const faults = Object.keys(instead)
  const cookies = await expiredOf(
    api,
    gateway,
    faults.map((_, n) => `user${n}`),
  )
  for (const [n, what] of faults.entries()) {
    const cookie = cookies[n] ?? ''
    let asked = 0
    api.state.instead = (res, user) => {
      asked++
      return instead[what]?.(res, user)
    }
    // An API that was in trouble a moment ago is left alone for a while.
    await until(async () => {
      const answer = await get(gateway, '/api/x', cookie)
      if (answer.status !== 503 || answer.headers.get('retry-after') === null) t.fail(what)
      if (answer.headers.getSetCookie().length > 0) t.fail(`${what}: a cookie`)
      return asked > 0
    })
    t.pass(what)
  }
  t.equal((await records()).length, cookies.length)
  api.state.instead = undefined
  for (const cookie of cookies)
    await until(async () => (await get(gateway, '/api/x', cookie)).status === 200)
  t.notMatch(gateway.log(), sealed)
})

t.test('a session ends when the API says so, and only then (TK-08)', async t => {
  const { api, gateway, records } = await start(t)
  const said = await expired(api, gateway)
  api.logOut('alice')
  t.equal((await get(gateway, '/api/x', said.cookie)).status, 401)
  t.same(await records(), [])

  const foreign = await expired(api, gateway)
  api.state.instead = async res => json(res, { access_token: await issue('mallory') })
  t.equal((await get(gateway, '/api/x', foreign.cookie)).status, 401, 'the token of another person')
  t.same(await records(), [])
  t.notOk(
    api.state.seen.some(({ authorization }) =>
      /mallory/.test(atob(authorization.split('.')[1] ?? '')),
    ),
  )
  api.state.instead = undefined

  const raced = await expired(api, gateway)
  api.state.instead = async res => json(res, { error: 'invalid_grant' }, 400)
  t.equal((await get(gateway, '/api/x', raced.cookie)).status, 401)
  t.match(gateway.log(), /"event":"refresh_failed"/)
})

t.test('a deleted session stays deleted, a client that leaves costs nothing (RV-14)', async t => {
  const { api, gateway, redis, records } = await start(t)
  const { cookie } = await expired(api, gateway)
  let reached = 0
  let release: () => void = () => undefined
  const hold = () => {
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    api.state.after = () => {
      reached++
      return held
    }
  }
  hold()
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write(
    `GET /api/x HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\n\r\n`,
  )
  await until(() => reached === 1)
  socket.destroy()
  release()
  await until(async () => (await get(gateway, '/api/x', cookie)).status === 200)
  t.same(api.state.calls, ['renewed'], 'what came was saved')

  const other = await expired(api, gateway, 'bob')
  hold()
  const waiting = get(gateway, '/api/x', other.cookie)
  await until(() => reached === 2)
  await redis.client.del('claimcheck:user:api:bob')
  release()
  t.equal((await waiting).status, 401)
  api.state.after = async () => undefined
  t.equal((await get(gateway, '/api/x', other.cookie)).status, 401)
  t.notOk(await redis.client.exists('claimcheck:user:api:bob'))
  t.ok((await records()).length <= 2)
})

const reload = async (gateway: GatewayProcess, from: string, to: string): Promise<void> => {
  const text = await readFile(gateway.file, 'utf8')
  if (!text.includes(from)) throw new Error(`no ${from}`)
  await writeFile(gateway.file, text.replace(from, to))
  const seen = gateway.lines.length
  gateway.child.kill('SIGHUP')
  await until(() => gateway.lines.slice(seen).some(({ msg }) => msg === 'the config is reloaded'))
}

t.test('a refresh goes on through reloads, and follows them', async t => {
  const redis = await startRedis(t)
  const api = await startRefreshApi(t)
  const yaml = `redis: { url: ${redis.url} }\n${api.yaml('', '  - { path: /one, upstream: "http://127.0.0.1:1" }')}`
  const gateway = await spawnGateway(t, yaml)
  const { cookie } = await expired(api, gateway)
  let reached = 0
  let release: () => void = () => undefined
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  api.state.after = () => {
    reached++
    return held
  }
  const waiting = get(gateway, '/api/x', cookie)
  await until(() => reached === 1)
  await reload(gateway, '/one', '/two')
  await reload(gateway, 'refreshBefore: 1s', 'refreshBefore: 2s')
  release()
  t.equal((await waiting).status, 200)
  t.same(api.state.calls, ['renewed'])

  const next = await expired(api, gateway, 'bob')
  await reload(gateway, 'path: /api/refresh', 'path: /api/nowhere')
  t.equal((await get(gateway, '/api/x', next.cookie)).status, 503)
  t.same(api.state.calls, [])
  await reload(gateway, 'path: /api/nowhere', 'path: /api/refresh')
  await until(async () => (await get(gateway, '/api/x', next.cookie)).status === 200)
  t.same(api.state.calls, ['renewed'])
})
