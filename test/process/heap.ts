import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
  t.test(`how V8 makes and collects, with workers: ${workers}`, async t => {
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
    // Workers inherit the options and the output.
    const flags = [
      ...['--trace-gc', '--trace-gc-verbose', '--trace-pretenuring-statistics'],
      '--heapsnapshot-signal=SIGUSR2',
    ]
    const child = spawn(process.execPath, [...flags, program, 'serve', '--config', file], {
      cwd: dirname(file),
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
    const { pid } = child
    const below = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
    const pids = [Number(pid), ...below.split(' ').filter(Boolean).map(Number)]
    t.equal(pids.length, workers === 1 ? 1 : 1 + workers)
    /** The processes that say so, by what V8 puts before its lines. */
    const saying = (what: string) =>
      new Set(output.match(new RegExp(`^\\[\\d+(?=:0x\\w+\\] .*${what})`, 'gm'))).size
    // V8 collects everything before it writes down what there is.
    for (const each of pids) process.kill(each, 'SIGUSR2')
    await until(() => saying('HeapController\\] Limit: ') === pids.length)
    t.equal(saying('HeapController\\] Limit: .*\\(3\\.0\\)$'), pids.length, 'until three times')
    child.kill('SIGTERM')
    await ended
    t.equal(saying('Scavenge'), pids.length)
    t.notMatch(output, /=> tenure/, 'nothing in the old generation at once')
  })
}
