// What is open for a session ends when the session does, on every gateway, whatever ended it.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { startGateway, type TestGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startTcpProxy } from '../fixtures/tcp-proxy.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import {
  frameOf,
  openWebSocket,
  readFrames,
  startSocketUpstream,
  switching,
} from '../fixtures/websocket.ts'

interface Options {
  /** Further lines of the config. */
  readonly config?: string
  /** Where the gateways find Redis, if not directly. */
  readonly redisPort?: (port: number) => Promise<number>
  readonly gateways?: number
}

const start = async (t: Test, { config = '', redisPort, gateways: count = 1 }: Options = {}) => {
  const redis = await startRedis(t)
  const logins = await startUpstream(t, createLoginApi().answer)
  const upstream = await startSocketUpstream(t, (req, socket) => {
    socket.on('data', chunk => void read(chunk))
    if (req.url === '/ws/silent') return
    socket.write(switching(req))
    const read = readFrames(({ payload }) => {
      socket.write(frameOf(`re: ${payload}`))
      // Half a frame: what follows would be taken for the rest of it.
      if (`${payload}` === 'half') socket.write(frameOf('x'.repeat(1_000)).subarray(0, 500))
    })
  })
  const port = (await redisPort?.(redis.port)) ?? redis.port
  const gateways: TestGateway[] = []
  for (let i = 0; i < count; i++) {
    gateways.push(
      await startGateway(
        t,
        `redis: { url: "redis://127.0.0.1:${port}", commandTimeout: 2s }\n${config}\n${routesTo(
          logins.url,
          `  - { path: /ws, upstream: "${upstream.url}", websocket: true }
  - { path: /quiet, upstream: "${upstream.url}", websocket: true, slide: false }`,
        )}`,
      ),
    )
  }
  const [gateway] = gateways
  if (gateway === undefined) throw new Error('no gateway')
  return { redis, upstream, gateway, gateways, ...(await login(gateway, 'alice')) }
}

const handleOf = (ticket: string): string => createHash('sha256').update(ticket).digest('hex')

/** An event stream that has sent its first event; `cut` becomes true when it is broken off, `ended` when it ends. */
const openEvents = async (t: Test, gateway: { port: number }, cookie: string) => {
  const state: { cut: boolean; cutAt: number; ended: boolean; req: ClientRequest } = {
    cut: false,
    cutAt: 0,
    ended: false,
    req: request({
      ...{ port: gateway.port, path: '/ws/events' },
      headers: { cookie, 'sec-fetch-site': 'same-origin' },
    }),
  }
  t.teardown(() => state.req.destroy())
  state.req.on('error', () => undefined)
  let first = false
  state.req.on('response', (res: IncomingMessage) => {
    res.on('data', () => {
      first = true
    })
    res.on('end', () => {
      state.ended = true
    })
    res.on('error', () => {
      state.cut = true
      state.cutAt = performance.now()
    })
  })
  state.req.end()
  await until(() => first)
  return state
}

const openBoth = async (t: Test, gateway: TestGateway, cookie: string) => {
  const socket = await openWebSocket(t, gateway, '/ws', { cookie })
  t.equal(socket.status, 101)
  socket.send('here')
  await until(() => socket.texts().length === 1)
  return { socket, events: await openEvents(t, gateway, cookie) }
}

const metric = async (gateway: TestGateway, line: string): Promise<boolean> =>
  (await (await fetch(`${gateway.admin}/metrics`)).text()).includes(line)

t.test('a bare DEL of the user key closes everything on two gateways (WS-06)', async t => {
  const { redis, gateways, gateway, upstream, cookie } = await start(t, { gateways: 2 })
  const open = await Promise.all(gateways.map(one => openBoth(t, one, cookie)))
  const bob = await login(gateway, 'bob')
  const others = await openBoth(t, gateway, bob.cookie)

  const startedAt = performance.now()
  t.equal(await redis.client.del('claimcheck:user:api:alice'), 1)
  const deletedAt = performance.now()
  const codes = await Promise.all(open.map(({ socket }) => socket.code()))
  await until(() => open.every(({ events }) => events.cut))
  const times = open
    .flatMap(({ socket, events }) => [socket.frames.at(-1)?.at ?? 0, events.cutAt])
    .map(at => `${(at - startedAt).toFixed(1)} ms`)
  t.comment(`Redis took ${(deletedAt - startedAt).toFixed(1)} ms for the DEL`)
  t.comment(`socket, events, socket, events were closed after ${times.join(', ')}`)

  t.strictSame(codes, [4401, 4401])
  t.notOk(
    open.some(({ events }) => events.ended),
    'a cut is no clean end',
  )
  await until(() => upstream.open() === 2)
  for (const one of gateways) {
    t.equal((await openWebSocket(t, one, '/ws', { cookie })).status, 401)
    t.equal((await get(one, '/ws/events', cookie)).status, 401)
    t.ok(await metric(one, 'claimcheck_streams_cut_total{reason="ended"} 2\n'))
  }
  others.socket.send('still')
  await until(() => others.socket.texts().length === 2)
  t.notOk(others.events.cut || others.events.ended, 'nobody else is affected')
})

t.test('so do a DEL of the record, a log-out and a log-out elsewhere', async t => {
  const { redis, gateways, gateway } = await start(t, { gateways: 2 })
  const endings = [
    (ticket: string) => redis.client.del(`claimcheck:session:${handleOf(ticket)}`),
    (_ticket: string, cookie: string) => get(gateway, '/auth/logout', cookie, { method: 'POST' }),
    (_ticket: string, cookie: string) =>
      get(gateway, '/auth/sessions', cookie, { method: 'DELETE' }),
  ]
  for (const end of endings) {
    const { cookie, ticket } = await login(gateway, 'carol')
    const open = await Promise.all(gateways.map(one => openBoth(t, one, cookie)))
    await end(ticket, cookie)
    t.strictSame(await Promise.all(open.map(({ socket }) => socket.code())), [4401, 4401])
    await until(() => open.every(({ events }) => events.cut))
  }
})

t.test('a new login in the same browser closes with 4409 where it happens', async t => {
  const { gateway, cookie } = await start(t)
  const { socket, events } = await openBoth(t, gateway, cookie)
  await login(gateway, 'bob', cookie)
  t.equal(await socket.code(), 4409)
  await until(() => events.cut)
})

t.test('what changes a session without ending it closes nothing', async t => {
  const { redis, gateway, cookie, ticket } = await start(t)
  const { socket, events } = await openBoth(t, gateway, cookie)
  const key = `claimcheck:session:${handleOf(ticket)}`
  await redis.client.pexpire(key, 600_000)
  const phone = await login(gateway, 'alice')
  await get(gateway, '/auth/logout', phone.cookie, { method: 'POST' })
  t.equal((await openWebSocket(t, gateway, '/ws', { cookie: phone.cookie })).status, 401)
  socket.send('still')
  await until(() => socket.texts().length === 2)
  t.notOk(events.cut || events.ended)
})

t.test('requests that wait for an answer are cut too, and say why', async t => {
  const { redis, gateway, upstream, cookie } = await start(t)
  const waiting = openWebSocket(t, gateway, '/ws/silent', { cookie })
  await until(() => upstream.handshakes.length === 1)
  await redis.client.del('claimcheck:user:api:alice')
  const client = await waiting
  t.equal(client.status, 401)
  t.match(JSON.parse(await client.body()), { code: 'no_session' })
  await until(() => upstream.open() === 0)
})

t.test('with cache: off as well', async t => {
  const { redis, gateway, cookie } = await start(t, { config: 'session: { cache: off }' })
  const { socket, events } = await openBoth(t, gateway, cookie)
  await redis.client.del('claimcheck:user:api:alice')
  t.equal(await socket.code(), 4401)
  await until(() => events.cut)
})

t.test('a close waits for the end of a frame, and not for long', async t => {
  const { redis, gateway, cookie } = await start(t)
  const socket = await openWebSocket(t, gateway, '/ws', { cookie })
  socket.send('half')
  await until(() => socket.socket.bytesRead > 600)
  await redis.client.del('claimcheck:user:api:alice')
  t.equal(await socket.code(), undefined, 'a Close inside a frame would be read as its payload')
})

t.test('a delete while the link to Redis was down is found when it is back', async t => {
  let link: Awaited<ReturnType<typeof startTcpProxy>> | undefined
  const { redis, gateway, cookie } = await start(t, {
    redisPort: async port => {
      link = await startTcpProxy(t, port)
      return link.port
    },
  })
  const { socket, events } = await openBoth(t, gateway, cookie)
  link?.refuse()
  link?.reset()
  // What was cached is forgotten with the link, so nothing but the open streams knows the session.
  await until(async () => (await get(gateway, '/auth/session', cookie)).status === 503)
  await redis.client.del('claimcheck:user:api:alice')
  socket.send('unknown yet')
  await until(() => socket.texts().length === 2)
  link?.pass()
  t.equal(await socket.code(), 4401)
  await until(() => events.cut)
})

t.test('a session that nobody asks for any more is still watched', async t => {
  let link: Awaited<ReturnType<typeof startTcpProxy>> | undefined
  const { redis, gateway, cookie } = await start(t, {
    redisPort: async port => {
      link = await startTcpProxy(t, port)
      return link.port
    },
  })
  const { socket, events } = await openBoth(t, gateway, cookie)
  const bob = await login(gateway, 'bob')
  // The cache is emptied; the session is not asked for again.
  link?.reset()
  await until(async () => (await get(gateway, '/auth/session', bob.cookie)).status === 200)
  await redis.client.del('claimcheck:user:api:alice')
  t.equal(await socket.code(), 4401)
  await until(() => events.cut)
})

t.test('the absolute timeout closes what is open', async t => {
  const { gateway, cookie } = await start(t, {
    config: 'session: { absoluteTimeout: 2s, idleTimeout: 2s }',
  })
  const { socket, events } = await openBoth(t, gateway, cookie)
  t.equal(await socket.code(), 4401)
  await until(() => events.cut)
  t.ok(await metric(gateway, 'reason="expired"} 2\n'))
})

t.test(
  'what a client sends on a tunnel is activity, unless the route says otherwise (WS-07)',
  async t => {
    const { gateway, cookie, redis, ticket } = await start(t, {
      config: 'session: { idleTimeout: 3s }',
    })
    const key = `claimcheck:session:${handleOf(ticket)}`
    const active = await openWebSocket(t, gateway, '/ws', { cookie })
    const bob = await login(gateway, 'bob')
    const polling = await openWebSocket(t, gateway, '/quiet', { cookie: bob.cookie })
    const chat = setInterval(() => {
      active.send('a')
      polling.send('b')
    }, 100)
    t.teardown(() => clearInterval(chat))
    t.equal(await polling.code(), 4401, 'talk alone does not keep that session alive')
    t.ok(polling.texts().length > 5)
    const life = await redis.client.pttl(key)
    t.ok(life > 0, 'that one lives on')
    t.notOk(active.socket.destroyed)
  },
)

t.test(
  'with Redis away, streams live for the grace and then end, but not as a log-out',
  async t => {
    const { gateway, cookie, redis } = await start(t, { config: 'session: { streamGrace: 1s }' })
    const { socket, events } = await openBoth(t, gateway, cookie)
    await redis.stop()
    t.equal(await socket.code(), 1013, 'try again later')
    await until(() => events.cut)
    await redis.start()
    await until(async () => (await get(gateway, '/auth/session', cookie)).status === 200)
    await openBoth(t, gateway, cookie)
  },
)

t.test('who leaves while the session is looked up causes nothing upstream', async t => {
  let link: Awaited<ReturnType<typeof startTcpProxy>> | undefined
  const { gateway, cookie, upstream } = await start(t, {
    config: 'session: { cache: off }',
    redisPort: async port => {
      link = await startTcpProxy(t, port)
      return link.port
    },
  })
  link?.stall('toClient')
  const socket = connect(gateway.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    `GET /ws/events HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nCookie: ${cookie}\r\n\r\n`,
    () => socket.destroy(),
  )
  await until(() => gateway.log().includes('"path":"/ws/events"'))
  link?.pass()
  t.equal((await get(gateway, '/auth/session', cookie)).status, 200)
  t.equal(upstream.connections(), 0)
})

t.test('400 event streams leave room for the rest of an upstream', async t => {
  const { gateway, cookie, upstream } = await start(t)
  const people = [cookie]
  for (const name of ['bob', 'carol']) people.push((await login(gateway, name)).cookie)
  const open = Array.from({ length: 400 }, (_, i) => openEvents(t, gateway, people[i % 3] ?? ''))
  const all = await Promise.all(open)
  t.equal(upstream.requests(), 400)
  t.equal((await get(gateway, '/ws/other', cookie)).status, 404)
  t.notOk(all.some(({ cut, ended }) => cut || ended))
})
