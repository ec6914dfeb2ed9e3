import { truncate } from 'node:fs/promises'
import { memory } from './cpu.js'
import { browserHeaders, exchange } from './http.js'
import { requestOf, scenarios } from './scenarios.js'
import { rotate } from './stats.js'

const connections = 64
const warm = 0.3
/** Seconds until what a server runs is compiled: for the first kind of request, and for each that follows. */
const [firstWarm, nextWarm] = [12, 3]

/** Throws unless the gateway puts a bearer on what a session sends, and turns away what has none. */
const probe = async ({ id }, { port, cookies }) => {
  if (id === 'direct') return
  const seen = { path: '/api/seen', headers: browserHeaders(port) }
  const withCookie = { ...seen, headers: { ...seen.headers, Cookie: cookies[0] ?? '' } }
  const { status, body } = await exchange(port, withCookie)
  if (status !== 200) throw new Error(`${id}: the probe was answered ${status}: ${body}`)
  const { authorization = '' } = JSON.parse(body)
  if (!/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/.test(authorization)) {
    throw new Error(`${id}: the upstream got no bearer but ${JSON.stringify(authorization)}`)
  }
  if (cookies.length === 0) return
  const anonymous = await exchange(port, seen)
  if (anonymous.status === 200)
    throw new Error(`${id}: a request without a session was let through`)
}

const sample = async ({ context, server, scenario, seconds, warm }) => {
  const { redis, generator } = context
  const { port, cookies } = server
  const targets = (cookies.length === 0 ? [undefined] : cookies).map(cookie => ({
    port,
    request: requestOf(scenario, server.publicPort ?? port, cookie),
  }))
  const roots = { gateway: server.pid, redis: redis.pid }
  const commands = await redis.commands()
  const result = await generator.run({ targets, connections, warm, seconds, roots })
  const asked = (await redis.commands()) - commands - 1
  if (server.output !== undefined) await truncate(server.output)
  if (result.failed > 0 || result.counted === 0) {
    throw new Error(`${server.id}: ${result.failed} of ${result.all} requests failed`)
  }
  const micro = milliseconds => (milliseconds * 1000) / result.counted
  return {
    cpu: micro(result.cpu.gateway),
    redisCpu: micro(result.cpu.redis),
    commands: asked / result.all,
    throughput: result.counted / result.elapsed,
    p50: result.p50,
    p99: result.p99,
  }
}

/**
 * Starts every row, then measures them in turn, `rounds` times for each kind of request, in an order
 * that changes with each round. Gives `{ samples: { <scenario>: { <row>: Sample[] } }, memory: { <row>: bytes } }`.
 */
export const measure = async ({ context, rows, rounds, seconds }) => {
  const { say } = context
  const servers = new Map()
  for (const row of rows) {
    say(`starting ${row.title}`)
    const server = { id: row.id, ...(await row.start(context)) }
    await probe(row, server)
    servers.set(row.id, server)
  }
  const samples = {}
  for (const scenario of scenarios) {
    const of = Object.fromEntries(rows.map(({ id }) => [id, []]))
    samples[scenario.id] = of
    const take = async (id, options) =>
      sample({ context, server: servers.get(id), scenario, ...options })
    say(`${scenario.title}: warming up`)
    const compiling = scenario === scenarios[0] ? firstWarm : nextWarm
    for (const { id } of rows) await take(id, { warm: 0, seconds: compiling })
    for (let round = 0; round < rounds; round++) {
      say(`${scenario.title}: round ${round + 1} of ${rounds}`)
      for (const { id } of rotate(rows, round)) of[id].push(await take(id, { warm, seconds }))
    }
  }
  const used = [...servers].map(([id, { pid }]) => [id, memory(pid)])
  for (const server of servers.values()) await server.stop?.()
  return { samples, memory: Object.fromEntries(used) }
}

export const sessions = connections
