import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { testFolder } from '../fixtures/gateway.ts'
import { program } from '../fixtures/process.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

const isUp = (url: string): Promise<boolean> =>
  fetch(url).then(
    res => res.ok,
    () => false,
  )

for (const workers of [1, 2]) {
  t.test(`nothing is made in the old generation at once, with workers: ${workers}`, async t => {
    const redis = await startRedis(t)
    const [port, admin] = [await freePort(), await freePort()]
    const file = join(await testFolder(t), 'claimcheck.yaml')
    const config = {
      publicUrl: `http://localhost:${port}`,
      listen: `127.0.0.1:${port}`,
      admin: { listen: `127.0.0.1:${admin}` },
      workers,
      redis: { url: redis.url },
      routes: [{ path: '/', upstream: 'http://127.0.0.1:9', auth: 'none' }],
    }
    await writeFile(file, JSON.stringify(config))
    // Workers inherit the options and the output. The third is the one that docs/scaling.md has for large answers.
    const flags = [
      ...['--trace-gc', '--trace-pretenuring-statistics'],
      '--initial-old-space-size=128',
    ]
    const child = spawn(process.execPath, [...flags, program, 'serve', '--config', file], {
      // Not the options of the test runner, which has a thread of its own in every process.
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
    })
    const ended = once(child, 'exit')
    t.teardown(() => child.kill('SIGKILL'))
    await until(() => isUp(`http://127.0.0.1:${admin}/readyz`))
    child.kill('SIGTERM')
    await ended
    const collecting = new Set(output.match(/^\[\d+(?=:0x\w+\] .*Scavenge)/gm))
    t.equal(collecting.size, workers === 1 ? 1 : 1 + workers)
    t.notMatch(output, /=> tenure/)
  })
}
