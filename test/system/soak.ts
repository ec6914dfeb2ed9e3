// Several people, aborts, restarts of the upstream and deletes of sessions, all at once: nobody gets another's
// answer, no socket is left behind, memory stays flat. As long as CLAIMCHECK_SOAK_SECONDS says.
import { createHash, randomInt } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { startEchoUpstream } from '../fixtures/echo-upstream.ts'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const seconds = Number(process.env['CLAIMCHECK_SOAK_SECONDS'] ?? 5)
const people = ['alice', 'bob', 'carol', 'dave', 'erin']
const workers = 24

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
/** Megabytes in use, beside `kept` bytes that the test itself keeps. */
const heap = (kept: number): number => {
  collect()
  return (process.memoryUsage().heapUsed - kept) / 1048576
}
const sockets = (): number =>
  process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length

interface Outcome {
  readonly status: number
  readonly owner: string | undefined
  readonly text: string
}

t.test(`${seconds} seconds of everything at once`, { timeout: (seconds + 60) * 1000 }, async t => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const logins = await startUpstream(t, (req, res, body) => {
    // Tokens are kept by the fixture; a soak of hours would show as growth.
    void api.answer(req, res, body).then(() => api.issued.splice(0))
    logins.requests.length = 0
  })
  const upstream = await startEchoUpstream()
  t.teardown(upstream.stop)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }
${routesTo(upstream.url).replace(
  `- path: /api/login
    methods: [POST]
    upstream: ${upstream.url}`,
  `- path: /api/login
    methods: [POST]
    upstream: ${logins.url}`,
)}`,
  )
  const tickets = new Map<string, { cookie: string; ticket: string }>()
  for (const user of people) tickets.set(user, await login(gateway, user))
  const idle = sockets()

  const agent = new Agent({ keepAlive: true, maxSockets: workers * 2 })
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  const wrong: string[] = []
  const over = performance.now() + seconds * 1000
  const goesOn = () => performance.now() < over

  /** One request of somebody; `abortAfter` ms it is given up. */
  const ask = (
    user: string,
    path: string,
    body: Buffer | undefined,
    abortAfter: number | undefined,
  ) =>
    new Promise<Outcome | undefined>(resolve => {
      const req = request({
        ...{ port: gateway.port, host: '127.0.0.1', path, agent },
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          cookie: tickets.get(user)?.cookie ?? '',
          'sec-fetch-site': 'same-origin',
          ...(body !== undefined && { 'transfer-encoding': 'chunked' }),
        },
      })
      const timer =
        abortAfter === undefined ? undefined : setTimeout(() => req.destroy(), abortAfter)
      const done = (outcome: Outcome | undefined) => {
        clearTimeout(timer)
        resolve(outcome)
      }
      req.on('error', () => done(undefined))
      req.on('response', (res: IncomingMessage) => {
        const owner = res.headers['x-owner']
        let text = ''
        res.setEncoding('latin1').on('data', chunk => {
          text += chunk
        })
        const end = () =>
          done({
            status: res.statusCode ?? 0,
            owner: Array.isArray(owner) ? owner[0] : owner,
            text,
          })
        res.on('end', end)
        res.on('error', end)
        res.on('close', end)
      })
      req.end(body)
    })

  const worker = async (): Promise<void> => {
    while (goesOn()) {
      const user = people[randomInt(people.length)] ?? 'alice'
      const kind = randomInt(10)
      const path = kind < 6 ? '/api/x' : kind < 9 ? '/api/slow' : '/api/events'
      const body = randomInt(4) === 0 ? Buffer.alloc(randomInt(200_000), 'x') : undefined
      const abortAfter = kind === 9 || randomInt(4) === 0 ? randomInt(120) : undefined
      const outcome = await ask(user, path, body, abortAfter)
      if (outcome === undefined) {
        count('aborted')
        continue
      }
      count(String(outcome.status))
      if (outcome.status !== 200) continue
      const others = people.filter(other => other !== user && outcome.text.includes(other))
      if (outcome.owner !== user || others.length > 0)
        wrong.push(`${user}: ${outcome.owner} ${others}`)
    }
  }
  const restarts = async (): Promise<void> => {
    while (goesOn()) {
      await sleep(300 + randomInt(700))
      await upstream.stop()
      await sleep(randomInt(60))
      await upstream.start()
      count('restarts')
    }
  }
  const deletes = async (): Promise<void> => {
    while (goesOn()) {
      await sleep(50 + randomInt(150))
      const user = people[randomInt(people.length)] ?? 'alice'
      const { ticket = '' } = tickets.get(user) ?? {}
      const handle = createHash('sha256').update(ticket).digest('hex')
      const key = randomInt(2) === 0 ? `session:${handle}` : `user:api:${user}`
      await redis.client.del(`claimcheck:${key}`)
      tickets.set(user, await login(gateway, user))
      count('deletes')
    }
  }

  const all = Promise.all([...Array.from({ length: workers }, worker), restarts(), deletes()])
  // What has to be allocated once is there after the first third.
  await sleep((seconds * 1000) / 3)
  const before = heap(gateway.log().length)
  await all
  agent.destroy()
  t.comment(JSON.stringify(counts))
  t.strictSame(wrong, [], 'every answer was for the one who asked')
  t.ok((counts['200'] ?? 0) > seconds * 4, 'much of it worked')
  t.ok((counts['restarts'] ?? 0) > 0 && (counts['deletes'] ?? 0) > 0)
  for (const status of Object.keys(counts)) t.notMatch(status, /^500$/)
  await until(() => sockets() <= idle)
  t.ok(sockets() <= idle, `${sockets()} sockets are open, as before`)
  const after = heap(gateway.log().length)
  t.ok(after - before < 8, `the heap went from ${before.toFixed(1)} to ${after.toFixed(1)} MB`)
})
