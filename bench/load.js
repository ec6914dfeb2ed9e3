// The load generator, in a process of its own: a job in, a result out, over the channel to its parent.
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { openConnection } from './connection.js'
import { cpuTime } from './cpu.js'

const maxFailures = 1000

const cpuOf = roots =>
  Object.fromEntries(Object.entries(roots).map(([id, pid]) => [id, cpuTime(pid)]))

/**
 * Keeps `connections` requests under way (or, with `rate`, so many a second), first `warm` seconds
 * uncounted, then `seconds` counted. Connection n sends `targets[n % length]`, `{ port, request }`,
 * again and again. `roots` names the process trees whose CPU time is read at both ends.
 */
const run = async ({ targets, connections, warm, seconds, rate, roots }) => {
  const latencies = []
  let all = 0
  let failed = 0
  let sent = 0
  let counting = false
  let running = true
  const idle = []
  const open = Array.from({ length: connections }, (_, i) => {
    const { port, request } = targets[i % targets.length]
    const bytes = Buffer.from(request)
    let since = 0
    const start = () => {
      since = performance.now()
      sent++
      connection.send(bytes)
    }
    const connection = openConnection(port, status => {
      all++
      if (status !== 200 && ++failed > maxFailures) running = false
      if (counting) latencies.push(performance.now() - since)
      if (!running) return
      if (rate === undefined) start()
      else idle.push(start)
    })
    idle.push(start)
    return connection
  })

  const begin = performance.now()
  const pace = () => {
    const due = (rate * (performance.now() - begin)) / 1000
    while (idle.length > 0 && sent < due) idle.shift()()
  }
  if (rate === undefined) for (const start of idle.splice(0)) start()
  const pacer = rate === undefined ? undefined : setInterval(pace, 1)

  await sleep(warm * 1000)
  const before = cpuOf(roots)
  const from = performance.now()
  counting = true
  await sleep(seconds * 1000)
  counting = false
  const elapsed = (performance.now() - from) / 1000
  const after = cpuOf(roots)
  running = false
  clearInterval(pacer)
  for (const connection of open) connection.close()

  const cpu = Object.fromEntries(Object.keys(roots).map(id => [id, after[id] - before[id]]))
  latencies.sort((a, b) => a - b)
  const at = q => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))]
  const counted = latencies.length
  return { all, counted, failed, elapsed, cpu, p50: at(0.5), p99: at(0.99) }
}

process.on('message', async job => {
  process.send(await run(job))
})
process.on('disconnect', () => process.exit())
