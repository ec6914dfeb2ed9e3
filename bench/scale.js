import { setTimeout as sleep } from 'node:timers/promises'
import { atOnce, send } from './burst.js'
import { cpuTime, memory } from './cpu.js'
import { browserHeaders, cookiesOf, exchange } from './http.js'
import { adminToken, logIn, startGateway } from './rows/claimcheck.js'
import { requestOf, scenarios } from './scenarios.js'
import { handleOf } from './sessions.js'
import { median, quantile } from './stats.js'
import { openStream } from './stream.js'
import { table } from './table.js'

const streams = 2000
const starts = 5
const megabyte = 2 ** 20

const number = (value, digits = 0) => value.toFixed(digits)
const kilobytes = bytes => `${number(bytes / 1024, 1)} KB`

/** The memory of a process once it has stopped growing: garbage of what was just done is let go first. */
const settled = async pid => {
  await sleep(2000)
  return memory(pid)
}

const startUp = async (context, workers) => {
  const times = []
  let idle = 0
  for (let i = 0; i < starts; i++) {
    const from = performance.now()
    const gateway = await startGateway(context, { workers })
    times.push(performance.now() - from)
    idle = await settled(gateway.pid)
    await gateway.stop()
  }
  const what = workers === 1 ? '' : `, \`workers: ${workers}\` (all processes)`
  return [
    [`start until it takes connections${what}`, `${number(median(times))} ms`],
    [`idle memory${what}`, `${number(idle / megabyte)} MB`],
  ]
}

const openMany = async (context, kind) => {
  const gateway = await startGateway(context)
  const cookies = []
  for (let i = 0; i < 64; i++) cookies.push(await logIn(gateway, `user-${i}`))
  const before = await settled(gateway.pid)
  const open = []
  for (let i = 0; i < streams; i++) {
    open.push(await openStream(gateway, cookies[i % cookies.length], kind))
  }
  const grown = (await settled(gateway.pid)) - before
  for (const { close } of open) close()
  await gateway.stop()
  return [`memory per open ${kind} (${streams})`, kilobytes(grown / streams)]
}

const loginRequest = ({ publicPort }, user) => {
  const body = JSON.stringify({ user })
  const headers = {
    ...browserHeaders(publicPort),
    Origin: `http://localhost:${publicPort}`,
    'Content-Type': 'application/json',
    'Content-Length': body.length,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST /api/login HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

const setCookie = head =>
  cookiesOf({ headers: { 'set-cookie': [/^set-cookie: (.+)$/im.exec(head)?.[1] ?? ';'] } })[0]

/** CPU time of the gateway and of Redis in milliseconds, and commands of Redis, for each of `count` things that `task` does. */
const costOf = async ({ gateway, redis, count }, task) => {
  const seen = async () => [
    ...[gateway.pid, redis.pid].map(cpuTime),
    // Its own commands are one each time.
    await redis.commands(),
  ]
  const before = await seen()
  await task()
  const [cpu, redisCpu, commands] = (await seen()).map((value, i) => (value - before[i]) / count)
  return { cpu, redisCpu, commands }
}

const logInMany = async (gateway, count) => {
  const cookies = new Array(count)
  const from = performance.now()
  await send(
    gateway.port,
    count,
    i => loginRequest(gateway, `user-${i}`),
    (i, status, head) => {
      if (status !== 200) throw new Error(`login was answered ${status}`)
      cookies[i] = setCookie(head)
    },
  )
  const seconds = (performance.now() - from) / 1000
  return { cookies, rate: count / seconds }
}

/** Milliseconds that calls of the admin API take, one after the other. */
const timeAdmin = async (gateway, calls) => {
  const times = []
  for (const { method, path } of calls) {
    const headers = { Authorization: `Bearer ${adminToken}` }
    const from = performance.now()
    const { status, body } = await exchange(gateway.admin, { method, path, headers })
    times.push(performance.now() - from)
    if (status !== 200) throw new Error(`${method} ${path} was answered ${status}: ${body}`)
  }
  return times
}

const lookUp = async (gateway, cookies) => {
  const times = []
  const wanted = (_i, status, _head, time) => {
    if (status !== 200) throw new Error(`a session was answered ${status}`)
    times.push(time)
  }
  const request = cookie => requestOf(scenarios[0], gateway.publicPort, cookie)
  await send(gateway.port, cookies.length, i => request(cookies[i]), wanted)
  return times
}

const both = times => `${number(quantile(times, 0.5), 2)} / ${number(quantile(times, 0.99), 2)} ms`

const costs = ({ cpu, redisCpu, commands }) =>
  `${number(cpu * 1000)} µs of CPU, ${number(redisCpu * 1000)} µs in Redis, ${number(commands, 1)} commands`

/** `count` sessions: made by login, looked up cold, listed and ended; then the memory of `cached` of them. */
const manySessions = async (context, count, cached) => {
  const { redis, say } = context
  say(`${count} sessions`)
  const gateway = await startGateway(context, { log: 'silent' })
  const used = await redis.usedMemory()
  let made
  const login = await costOf({ gateway, redis, count }, async () => {
    made = await logInMany(gateway, count)
  })
  const { cookies, rate } = made
  const bytes = ((await redis.usedMemory()) - used) / count
  await gateway.stop()
  const { prefix, publicPort } = gateway
  const fresh = await startGateway(context, { log: 'silent', prefix, publicPort })
  // Code and buffers first, so that what is seen to grow is the cache.
  for (let i = 0; i < 5; i++) await lookUp(fresh, new Array(2000).fill(cookies[0]))
  const before = await settled(fresh.pid)
  let times
  const cold = await costOf({ gateway: fresh, redis, count: cached }, async () => {
    times = await lookUp(fresh, cookies.slice(0, cached))
  })
  const grown = (await settled(fresh.pid)) - before
  const some = Array.from({ length: 200 }, (_, i) => i)
  const list = some.map(i => ({ method: 'GET', path: `/sessions?provider=api&sub=user-${i}` }))
  const end = some.map(i => ({ method: 'DELETE', path: `/sessions/${handleOf(cookies[i])}` }))
  const lines = [
    [`bytes in Redis a session (${count})`, number(bytes)],
    ['logins a second', number(rate)],
    ['a login', costs(login)],
    [`cold look-up, ${atOnce} at once (median / p99)`, both(times)],
    ['a cold look-up', costs(cold)],
    ['list a person’s sessions (median / p99)', both(await timeAdmin(fresh, list))],
    ['end a session (median / p99)', both(await timeAdmin(fresh, end))],
    [`memory per looked-up session (${cached})`, kilobytes(grown / cached)],
  ]
  await fresh.stop()
  await redis.client.flushall()
  return lines
}

/** Memory over three million requests: flat, or it leaks. The first million fills the heap up to its first collection. */
const manyRequests = async context => {
  const { generator, say } = context
  say('three million requests')
  const gateway = await startGateway(context)
  const cookie = await logIn(gateway, 'user')
  const request = requestOf(scenarios[0], gateway.publicPort, cookie)
  const job = { targets: [{ port: gateway.port, request }], connections: 64, warm: 0, roots: {} }
  const lines = []
  let sent = 0
  while (sent < 3_000_000) {
    const { all } = await generator.run({ ...job, seconds: 10 })
    sent += all
    const used = await settled(gateway.pid)
    lines.push([`memory after ${number(sent / 1000)} thousand requests`, number(used / megabyte)])
  }
  await gateway.stop()
  return lines.map(([what, megabytes]) => [what, `${megabytes} MB`])
}

/** Start-up, memory of streams and of sessions; with `long`, a million sessions and three million requests: Markdown. */
export const measureScale = async context => {
  const { say, long } = context
  say('start-up and streams')
  const lines = [
    ...(await startUp(context, 1)),
    ...(await startUp(context, 2)),
    await openMany(context, 'websocket'),
    await openMany(context, 'event stream'),
    ...(await manySessions(context, 100_000, 100_000)),
    ...(long ? await manySessions(context, 1_000_000, 100_000) : []),
    ...(long ? await manyRequests(context) : []),
  ]
  return `${table([['one gateway process', 'measured'], ...lines])}

Memory is the proportional set size of the process, so it includes garbage that has not been collected and buffers of the kernel are not in it. A cold look-up is a whole request whose session is in Redis but not in the gateway. Commands count those that a script runs. The sessions are made through the captured login API, one person each; the time of a login includes that API’s.`
}
