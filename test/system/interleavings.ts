// Two gateways and a third party that deletes by hand, at any moment of a session's life: nothing comes back,
// and nothing is forwarded later than the lease.
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { handleOf } from '../../src/session/ticket.ts'
import { createLoginApi, issue, routesTo } from '../fixtures/login-api.ts'
import { spawnGateway } from '../fixtures/process.ts'
import { startRedis } from '../fixtures/redis.ts'
import { connect, openStore } from '../fixtures/sessions.ts'
import { startUpstream } from '../fixtures/upstream.ts'

/** How many; .ci/run asks for 5,000. */
const rounds = Number(process.env['CLAIMCHECK_INTERLEAVINGS'] ?? 100)
const atOnce = 12
const lease = 1_000

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN

t.test(
  `${rounds} random interleavings of delete with refresh, touch, login and slow answers (SL-08, RV-01)`,
  async t => {
    const redis = await startRedis(t)
    const api = createLoginApi()
    // The moment of arrival at the upstream, by the mark in the path.
    const arrivals = new Map<string, number>()
    const upstream = await startUpstream(t, (req, res, body) => {
      const mark = /\/api\/(?:slow|fast)\/(\S+)/.exec(req.url ?? '')?.[1]
      if (mark === undefined) return void api.answer(req, res, body)
      arrivals.set(mark, performance.now())
      if (req.url?.startsWith('/api/slow') === true)
        setTimeout(() => res.end('slow'), Math.random() * 20)
      else res.end('fast')
    })
    const config = `redis: { url: ${redis.url} }\nlog: { level: info }\nsession: { idleTimeout: 2s }\n${routesTo(upstream.url)}`
    // Both answer for one public address, as behind a load balancer.
    const first = await spawnGateway(t, config)
    const second = await spawnGateway(t, config, { publicPort: first.port })
    const gateways = [first, second]
    const agent = new Agent({ keepAlive: true, maxSockets: 64 })
    t.teardown(() => agent.destroy())
    const third = await connect(t, redis.url)
    const store = await openStore(t, redis.url, { idleTimeout: 2_000 })
    const keys = createKeys('claimcheck:')

    const ask = (port: number, path: string, ticket: string, body?: string) =>
      new Promise<{ status: number; cookie: string }>((resolve, reject) => {
        const req = request(
          {
            ...{ port, path, agent, method: body === undefined ? 'GET' : 'POST' },
            headers: {
              'sec-fetch-site': 'same-origin',
              ...(ticket !== '' && { cookie: `__Host-Http-session=${ticket}` }),
            },
          },
          res => {
            const [set = ''] = res.headers['set-cookie'] ?? []
            const cookie = /^__Host-Http-session=([^;]+)/.exec(set)?.[1] ?? ''
            res.resume()
            res.on('error', () => undefined)
            res.on('close', () => resolve({ status: res.statusCode ?? 0, cookie }))
          },
        )
        // A request that is under way when its session ends may be cut.
        req.on('error', error =>
          'code' in error && error.code === 'ECONNRESET'
            ? resolve({ status: 0, cookie: '' })
            : reject(error),
        )
        req.end(body)
      })
    const either = () => gateways[Math.random() < 0.5 ? 0 : 1]?.port ?? 0

    const refusals: number[] = []
    let late = 0
    let revived = 0
    let stuck = 0

    const round = async (n: number): Promise<void> => {
      const sub = `user-${n}`
      const { cookie: ticket } = await ask(
        either(),
        '/api/login',
        '',
        JSON.stringify({ user: sub, password: 'x' }),
      )
      t.match(ticket, /^[\w-]{43}$/)
      const handle = handleOf(ticket)
      for (const { port } of gateways) await ask(port, `/api/fast/${n}-warm-${port}`, ticket)

      let deletedAt = Number.POSITIVE_INFINITY
      const replace = async () => {
        const loaded = await store.readTokens(ticket)
        if (loaded === undefined) return
        await sleep(Math.random() * 3)
        const accessToken = await issue(sub)
        await store.replace(ticket, loaded.session, { ...loaded.tokens, accessToken }, 60_000)
      }
      const touch = async () => {
        const session = await store.read(ticket)
        await sleep(Math.random() * 3)
        if (session !== undefined) await store.touch(session)
      }
      const visit = async (kind: string, i: number) => {
        const mark = `${n}-${kind}-${i}`
        await ask(either(), `/api/${kind}/${mark}`, ticket)
        const arrived = arrivals.get(mark)
        arrivals.delete(mark)
        if (arrived !== undefined && arrived > deletedAt + lease) late++
      }
      const remove = async () => {
        await sleep(Math.random() * 8)
        await third.del(Math.random() < 0.5 ? keys.session(handle) : keys.user('api', sub))
        deletedAt = performance.now()
        const asked = deletedAt
        // Until each gateway refuses; what it forwards after the lease would be a broken promise.
        for (const { port } of gateways) {
          for (;;) {
            const { status } = await ask(port, `/api/fast/${n}-after`, ticket)
            if (status === 401) break
            if (performance.now() - asked > 5 * lease) {
              stuck++
              break
            }
          }
        }
        refusals.push(performance.now() - asked)
      }
      const later = async (work: () => Promise<unknown>) => {
        await sleep(Math.random() * 10)
        await work()
      }
      await Promise.all([
        remove(),
        ...[0, 1, 2].flatMap(i => [later(() => visit('slow', i)), later(() => visit('fast', i))]),
        ...[later(replace), later(replace), later(touch), later(touch)],
        later(async () => void (await store.readTokens(ticket))),
      ])
      if ((await store.read(ticket)) !== undefined) revived++
    }

    let next = 0
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let n = next++; n < rounds; n = next++) await round(n)
      }),
    )
    t.equal(revived, 0, 'no session came back')
    t.equal(late, 0, 'nothing was forwarded later than the lease')
    t.equal(stuck, 0, 'every gateway refused')
    refusals.sort((a, b) => a - b)
    t.comment(
      `from the answer to DEL to a refusal by both gateways: median ${quantile(refusals, 0.5).toFixed(1)} ms, p99 ${quantile(refusals, 0.99).toFixed(1)} ms`,
    )
    for (const key of await redis.client.keys('*'))
      t.not(
        await redis.client.pttl(key),
        -1,
        `${key.split(':').slice(0, 2).join(':')} has a lifetime or is gone`,
      )
  },
)

t.test(
  '10,000 warm requests cost no Redis command but touches, their re-reads, pings and canaries (promise 3)',
  async t => {
    const redis = await startRedis(t)
    const api = createLoginApi()
    const upstream = await startUpstream(t, api.answer)
    const gateway = await spawnGateway(
      t,
      `redis: { url: ${redis.url} }\nlog: { level: info }\n${routesTo(upstream.url)}`,
    )
    const agent = new Agent({ keepAlive: true, maxSockets: 32 })
    t.teardown(() => agent.destroy())
    const login = await fetch(`${gateway.url}/api/login`, {
      method: 'POST',
      body: JSON.stringify({ user: 'alice' }),
    })
    const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const ask = () =>
      new Promise<number>((resolve, reject) => {
        request(
          {
            port: gateway.port,
            path: '/api/x',
            agent,
            headers: { cookie, 'sec-fetch-site': 'same-origin' },
          },
          res => {
            res.resume()
            res.on('end', () => resolve(res.statusCode ?? 0))
          },
        )
          .on('error', reject)
          .end()
      })
    t.equal(await ask(), 200)
    const counts = async () => {
      const stats = await redis.client.info('commandstats')
      return new Map(
        [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name = '', calls]) => [
          name,
          Number(calls),
        ]),
      )
    }
    const before = await counts()
    let left = 10_000
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        while (left-- > 0) if ((await ask()) !== 200) t.fail('a warm request failed')
      }),
    )
    const after = await counts()
    const spent = [...after]
      .map(([name, calls]) => [name, calls - (before.get(name) ?? 0)] as const)
      .filter(([, calls]) => calls > 0)
    t.comment(spent.map(([name, calls]) => `${name} ${calls}`).join(', '))
    // Touches come once in a minute at most (idleTimeout 30m): here none, or one with its re-read.
    const allowed: Readonly<Record<string, number>> = {
      ping: Infinity,
      pexpire: Infinity,
      info: 2,
      evalsha: 1,
      get: 2,
      pttl: 2,
      zscore: 2,
      time: 2,
    }
    for (const [name, calls] of spent) t.ok(calls <= (allowed[name] ?? 0), `${name}: ${calls}`)
  },
)
