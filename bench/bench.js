import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawChart } from './chart.js'
import { startGenerator } from './generator.js'
import { createLab, freePort } from './lab.js'
import { describeMachine } from './machine.js'
import { measure, sessions } from './measure.js'
import { startRedis } from './redis.js'
import { printResults, writePage } from './report.js'
import { measureRevocation } from './revocation.js'
import { rows as allRows } from './rows/index.js'
import { measureScale } from './scale.js'

const say = text => process.stderr.write(`${text}\n`)

const startUpstream = async lab => {
  const port = await freePort()
  const file = fileURLToPath(new URL('./upstream.js', import.meta.url))
  const server = await lab.run({ name: 'upstream', args: [file, String(port)], port })
  return { ...server, url: `http://127.0.0.1:${port}` }
}

const choose = names => {
  const unknown = (names ?? []).filter(name => !allRows.some(({ id }) => id === name))
  if (unknown.length > 0) {
    throw new Error(`no such row: ${unknown}; there are ${allRows.map(({ id }) => id)}`)
  }
  const chosen = names === undefined ? allRows : allRows.filter(({ id }) => names.includes(id))
  const skipped = chosen.flatMap(row => row.missing?.() ?? [])
  for (const reason of skipped) say(`left out: ${reason}`)
  return { rows: chosen.filter(row => row.missing?.() === undefined), skipped }
}

/** Runs the parts asked for, prints the tables and writes `results.md` and `results.svg` to `out`. */
export const bench = async ({ rounds, seconds, rows: names, parts, long, out }) => {
  const { rows, skipped } = choose(names)
  const lab = await createLab()
  const stop = async () => {
    await lab.close()
    process.exit(1)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const redis = await startRedis(lab)
    const context = { lab, redis, upstream: await startUpstream(lab), sessions, say, long }
    context.generator = await startGenerator(lab)
    const results = { machine: describeMachine(), rows, skipped, rounds, seconds }
    if (parts.includes('requests')) {
      Object.assign(results, await measure({ context, rows, rounds, seconds }))
    }
    if (parts.includes('revocation')) results.revocation = await measureRevocation(context)
    if (parts.includes('scale')) results.scale = await measureScale(context)
    printResults(results)
    await writeFile(join(out, 'results.md'), writePage(results))
    if (results.samples !== undefined) {
      await writeFile(join(out, 'results.svg'), drawChart(results))
    }
    say(`written: ${join(out, 'results.md')}`)
    await redis.stop()
  } finally {
    await lab.close()
  }
}
