import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t from 'tap'
import { until } from '../fixtures/until.ts'

interface Test {
  teardown(fn: () => unknown): void
}

const dist = join(import.meta.dirname, '../../dist')
const logModule = JSON.stringify(join(dist, 'log.js'))
const outputModule = JSON.stringify(join(dist, 'log/standard-output.js'))
/** Arguments for Node to run `program`. */
const running = (program: string): string[] => ['--input-type=module', '--eval', program]

t.test(
  'what was logged last is written when the process ends, to a file and to a pipe',
  async t => {
    const program = `const { createLog } = await import(${logModule})
    createLog('info').info('the last words')
    process.exit()`
    const args = running(program)
    const { stdout } = await promisify(execFile)(process.execPath, args)
    t.match(JSON.parse(stdout), { msg: 'the last words' })
    const file = join(t.testdir(), 'log')
    const output = openSync(file, 'a')
    await once(spawn(process.execPath, args, { stdio: ['ignore', output, 'inherit'] }), 'exit')
    closeSync(output)
    t.match(JSON.parse(readFileSync(file, 'utf8')), { msg: 'the last words' })
  },
)

/** Reads to the end, slower than is written. */
const slowly = async (stream: Readable): Promise<string> => {
  let read = ''
  for await (const chunk of stream.setEncoding('utf8')) {
    read += chunk
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  return read
}

/** How a program ends whose log goes to the file. */
const endOf = async (t: Test, program: string, file: string) => {
  const output = openSync(file, 'a')
  const child = spawn(process.execPath, running(program), { stdio: ['ignore', output, 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  closeSync(output)
  return once(child, 'exit')
}

t.test('a log that cannot be written stops nothing, also not the end', async t => {
  const program = `const { createLog } = await import(${logModule})
    const log = createLog('info')
    for (let i = 0; i < 20; i++) {
      log.info({ pad: 'x'.repeat(4096) }, 'line')
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    process.exit(7)`
  t.strictSame(await endOf(t, program, '/dev/full'), [7, null])
})

t.test('nor does one of which that is not known yet', async t => {
  const program = `const { createLog } = await import(${logModule})
    createLog('info').info('first and last')
    process.exit(7)`
  t.strictSame(await endOf(t, program, '/dev/full'), [7, null])
})

for (const [how, end] of [
  ['by itself', 'process.exitCode = 7'],
  ['at once', 'process.exit(7)'],
]) {
  t.test(`a reader that stands still does not keep a process from ending ${how}`, async t => {
    const program = `import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      const { write } = fs
      let failures = 0
      fs.write = (fd, data, done) => write(fd, data, (error, count) => {
        if (error) failures++
        done(error, count)
      })
      syncBuiltinESMExports()
      const { openStandardOutput } = await import(${outputModule})
      const output = openStandardOutput('alone')
      const since = performance.now()
      while (failures < 20) {
        for (let i = 0; i < 200; i++) output.write('x'.repeat(200) + '\\n')
        await new Promise(setImmediate)
      }
      fs.writeSync(2, String((performance.now() - since) / failures))
      ${end}`
    const child = spawn(process.execPath, running(program), { stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => child.kill('SIGKILL'))
    const said = text(child.stderr)
    t.strictSame(await once(child, 'exit'), [7, null])
    t.ok(Number(await said) > 9, 'and is tried again once in 10 ms, however much is logged')
  })
}

t.test('nor does one that is gone', async t => {
  const program = `const { openStandardOutput } = await import(${outputModule})
    const output = openStandardOutput('alone')
    for (let i = 0; i < 30; i++) {
      output.write('x'.repeat(20_000) + '\\n')
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    process.exit(7)`
  const child = spawn(process.execPath, running(program), { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdout.destroy()
  t.strictSame(await once(child, 'exit'), [7, null])
})

t.test('a line is written soon, also where no other follows', async t => {
  const program = `const { openStandardOutput } = await import(${outputModule})
    openStandardOutput('alone').write('alone\\n')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, running(program), { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let seen = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    seen += chunk
  })
  await until(() => seen === 'alone\n')
})

t.test('lines of any length arrive whole and in their order', async t => {
  const program = `const { openStandardOutput } = await import(${outputModule})
    const output = openStandardOutput('shared')
    for (let i = 0; i < 1000; i++) output.write(i + ' ' + 'é'.repeat(i * 7) + '\\n')`
  const child = spawn(process.execPath, running(program), { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = (await slowly(child.stdout)).split('\n')
  t.equal(lines.length, 1001)
  t.ok(lines.slice(0, -1).every((line, i) => line === `${i} ${'é'.repeat(i * 7)}`))
})

t.test('lines of several processes do not mix, also where the reader is slow', async t => {
  const program = `const { openStandardOutput } = await import(${outputModule})
    const output = openStandardOutput('shared')
    for (let i = 0; i < 5000; i++) {
      output.write(process.argv[1].repeat(50 + i % 300) + '\\n')
      if (i % 100 === 0) await new Promise(setImmediate)
    }`
  // What Node gives a child is a socket and no pipe.
  const command = '(for letter in a b c; do "$@" $letter & done; wait) | cat'
  const args = ['-c', command, 'sh', process.execPath, ...running(program)]
  const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = (await slowly(child.stdout)).split('\n').slice(0, -1)
  t.equal(lines.length, 15_000)
  t.strictSame(
    lines.filter(line => !/^(a+|b+|c+)$/.test(line)),
    [],
  )
})
