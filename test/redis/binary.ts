import { join } from 'node:path'
import t from 'tap'
import { SetupError } from '../../src/errors.ts'
import { findServer } from '../../src/redis/binary.ts'
import { program } from '../fixtures/program.ts'

const redis7 = 'echo "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"'
const redis6 = 'echo "Redis server v=6.0.16 sha=00000000:0"'
const valkey = 'echo "Valkey server v=8.1.1 sha=00000000:0"'

/** What to type according to the error, by the tools that are there. */
const advice = async (path: string): Promise<string> => {
  try {
    return `found ${await findServer(path)}`
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    return error.message
  }
}

t.test('the first one on the PATH that is new enough is taken', async t => {
  const root = t.testdir({ empty: {}, old: {}, new: {}, valkey: {}, both: {} })
  await program(join(root, 'old/redis-server'), redis6)
  await program(join(root, 'new/redis-server'), redis7)
  await program(join(root, 'valkey/valkey-server'), valkey)
  await program(join(root, 'both/redis-server'), redis7)
  await program(join(root, 'both/valkey-server'), valkey)
  const path = (...folders: string[]) => folders.map(folder => join(root, folder)).join(':')

  t.equal(await findServer(path('empty', 'new', 'both')), join(root, 'new/redis-server'))
  t.equal(await findServer(path('valkey')), join(root, 'valkey/valkey-server'))
  t.equal(await findServer(path('valkey', 'both')), join(root, 'both/redis-server'))
  t.equal(await findServer(path('old', 'valkey')), join(root, 'valkey/valkey-server'))
  t.equal(await findServer(path('old', 'new')), join(root, 'new/redis-server'))
  t.match(await advice(path('old')), `(${join(root, 'old/redis-server')} is version 6.0.16)`)
})

t.test('what cannot be run, or is something else, is not taken', async t => {
  const root = t.testdir({
    folder: { 'redis-server': {} },
    text: { 'redis-server': 'not a program' },
    failing: {},
    other: {},
  })
  await program(join(root, 'failing/redis-server'), 'exit 1')
  await program(join(root, 'other/redis-server'), 'echo v=9')
  t.notMatch(await advice(`${root}/folder:${root}/text`), /\(/)
  t.match(await advice(join(root, 'failing')), `(${join(root, 'failing/redis-server')} is not one)`)
  t.match(await advice(join(root, 'other')), `(${join(root, 'other/redis-server')} is not one)`)
})

t.test('a relative folder of the PATH is not searched', async t => {
  const root = t.testdir()
  await program(join(root, 'redis-server'), redis7)
  t.chdir(root)
  t.match(await advice('.::bin'), /has neither|on the PATH\./)
})

t.test('the error says what to type here', async t => {
  const lines = {
    'apt-get': 'sudo apt-get install redis-server',
    dnf: 'sudo dnf install valkey',
    apk: 'sudo apk add redis',
    brew: 'brew install redis',
  }
  const root = t.testdir()
  for (const [tool, line] of Object.entries(lines)) {
    const file = join(root, tool, tool)
    await program(file, '')
    t.match(await advice(join(root, tool)), `To install it: ${line}. Or set redis.url`)
  }
  t.match(await advice(''), 'To install it: see https://redis.io/')
})
