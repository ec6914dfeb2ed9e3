import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openConnection } from '../../src/redis/client.ts'
import * as identities from '../../src/redis/identity.ts'
import { type ServerOptions, startServer } from '../../src/redis/server.ts'
import { program } from '../fixtures/program.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { shortDir } from '../fixtures/short-dir.ts'
import { until } from '../fixtures/until.ts'

/** Options with a folder of their own, and who the server was. */
const prepare = async (t: Test, overrides: Partial<ServerOptions> = {}) => {
  const dataDir = await shortDir(t)
  const { log, lines } = recordLog()
  const remembered: identities.Identity[] = []
  const options: ServerOptions = {
    file: '/usr/bin/env',
    dataDir,
    socket: join(dataDir, 'redis.sock'),
    patience: 10_000,
    log,
    signal: new AbortController().signal,
    remember: async identity => void remembered.push(identity),
    ...overrides,
  }
  const gone = async () => {
    const [identity] = remembered
    return identity === undefined || (await identities.lifeOf(identity)) === 'dead'
  }
  return { options, lines, remembered, gone }
}

const connect = async (t: Test, socket: string) => {
  const redis = openConnection({ url: `unix://${socket}`, commandTimeout: 5000 })
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  await redis.connect()
  return redis
}

const file = 'redis-server'

t.test(
  'a server of its own: a socket for this user, no port, our settings, a session of its own',
  async t => {
    const { options, remembered, lines } = await prepare(t, { file })
    const server = await startServer(options)
    t.teardown(() => server.stop())
    const redis = await connect(t, options.socket)
    const settings = { port: '0', unixsocketperm: '700', dir: options.dataDir, appendonly: 'yes' }
    const ours = { save: '', 'maxmemory-policy': 'noeviction', databases: '1', maxclients: '200' }
    for (const [name, value] of Object.entries({ ...settings, ...ours })) {
      t.strictSame(await redis.config('GET', name), [name, value])
    }
    const info = await redis.info('server')
    t.match(info, `process_id:${remembered[0]?.pid}`)
    t.strictSame(
      lines.filter(({ level }) => level !== 'debug'),
      [],
      'a start without trouble is quiet',
    )

    await redis.set('k', 'v')
    t.equal(await server.stop(), true)
    t.equal(typeof (await server.gone), 'string')
    t.equal(await server.stop(), true)
    t.ok((await readdir(options.dataDir)).includes('appendonlydir'))
  },
)

t.test('a path may hold what the config file has a meaning for', async t => {
  const { options } = await prepare(t, { file })
  const dataDir = await shortDir(t)
  const odd = `${dataDir}/a "b" \\c 'd' #e`
  await program(join(odd, 'x'), '')
  const socket = join(odd, 'redis.sock')
  const server = await startServer({ ...options, dataDir: odd, socket })
  t.teardown(() => server.stop())
  t.strictSame(await (await connect(t, socket)).config('GET', 'dir'), ['dir', odd])
})

t.test('a server that nobody remembers never opens the data', async t => {
  const { options } = await prepare(t, { file })
  let pid = 0
  const remember = async (identity: identities.Identity) => {
    pid = identity.pid
    throw new Error('no space left on device')
  }
  await t.rejects(startServer({ ...options, remember }), /no space left/)
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  t.strictSame(await readdir(options.dataDir), [])
})

t.test(
  'data that cannot be read, or a program that is not there: an error with its last words',
  async t => {
    const { options, gone, lines } = await prepare(t, { file })
    await writeFile(join(options.dataDir, 'appendonlydir'), 'a file where a folder should be')
    await t.rejects(startServer(options), /appendonlydir/)
    t.ok(await gone())
    t.ok(lines.some(({ level }) => level === 'error'))

    await t.rejects(startServer({ ...options, file: '/nowhere/redis-server' }), /ENOENT/)
  },
)

t.test('a server that cannot be told from others is not kept', async t => {
  const { options } = await prepare(t, { file })
  const { startServer } = await t.mockImport<typeof import('../../src/redis/server.ts')>(
    '../../src/redis/server.ts',
    {
      '../../src/redis/identity.ts': {
        ...identities,
        identityOf: () => Promise.reject(new Error('no ps')),
      },
    },
  )
  await t.rejects(startServer(options), /^no ps$/)
  t.strictSame(await readdir(options.dataDir), [])
})

t.test('what ends without a word is named by how it ended', async t => {
  const root = t.testdir()
  const silent = join(root, 'silent')
  await program(silent, 'exit 3')
  const { options } = await prepare(t, { file: silent })
  await t.rejects(startServer(options), /^it ended with 3$/)
  const killed = join(root, 'killed')
  await program(killed, 'kill -9 $$')
  await t.rejects(startServer({ ...options, file: killed }), /^it ended with SIGKILL$/)
})

t.test('a server that never answers is given up in time, and ended', async t => {
  const mute = join(t.testdir(), 'mute')
  await program(mute, 'trap "" TERM; while :; do sleep 0.01; done')
  const { options, gone } = await prepare(t, { file: mute, patience: 300 })
  await t.rejects(startServer(options), /Connection is closed|ENOENT/)
  t.ok(await gone())

  const stop = new AbortController()
  const other = await prepare(t, { file: mute, patience: 300, signal: stop.signal })
  const start = startServer(other.options)
  await until(() => other.remembered.length === 1)
  stop.abort(new Error('closing'))
  await t.rejects(start, /^closing$/)
  t.ok(await other.gone())
})

t.test('a server that takes its time to load its data is waited for', async t => {
  const { options, remembered } = await prepare(t, { file, patience: 1500 })
  const first = await startServer(options)
  const redis = await connect(t, options.socket)
  await Promise.all(Array.from({ length: 8000 }, (_, index) => redis.set(`k${index}`, 'v')))
  await first.stop()

  const slow = join(t.testdir(), 'slow')
  const delay = '--key-load-delay 200'
  await program(slow, `conf=$1; shift; exec redis-server "$conf" ${delay} "$@"`)
  const before = performance.now()
  const second = await startServer({ ...options, file: slow })
  t.teardown(() => second.stop())
  t.ok(performance.now() - before > 1600, 'longer than the patience: 0.2 ms a key')
  t.equal(await (await connect(t, options.socket)).dbsize(), 8000)
  await second.stop()

  const closing = new AbortController()
  const third = startServer({ ...options, file: slow, signal: closing.signal })
  await until(() => remembered.length === 3)
  await until(async () => (await readdir(options.dataDir)).includes('redis.sock'))
  closing.abort(new Error('closing'))
  await t.rejects(third, /^closing$/, 'unless it is no longer wanted')
})

t.test('a server that hangs is ended all the same', async t => {
  const { options, remembered, gone } = await prepare(t, { file, patience: 300 })
  const server = await startServer(options)
  process.kill(remembered[0]?.pid ?? 0, 'SIGSTOP')
  t.equal(await server.stop(), true)
  t.equal(await server.gone, await server.gone)
  t.ok(await gone())
})

t.test('a server that cannot be ended is not waited for', async t => {
  const { options } = await prepare(t, { file, patience: 300 })
  const server = await startServer(options)
  const kill = t.intercept(process, 'kill', { value: () => true })
  t.equal(await server.stop(), false)
  kill.restore()
  t.equal(await server.stop(), true)
})

t.test('the end of this process is the end of the server', async t => {
  const { options } = await prepare(t, { file })
  const before = process.listenerCount('exit')
  const server = await startServer(options)
  const [listener] = process.listeners('exit').slice(before)
  if (listener === undefined) throw new Error('nothing listens')
  listener.call(process, 0)
  await server.gone
  t.equal(process.listenerCount('exit'), before)
})

t.test('its output, held open by what it started, does not hold up its end', async t => {
  const parent = join(t.testdir(), 'parent')
  await program(parent, 'sleep 1000 & echo $!; cat > /dev/null; exit 3')
  const { options, lines } = await prepare(t, { file: parent })
  await t.rejects(startServer(options), /it ended with 3/)
  process.kill(Number(lines.find(({ msg }) => /^\d+$/.test(msg))?.msg), 'SIGKILL')
})
