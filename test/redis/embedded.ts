import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { access, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { SetupError } from '../../src/errors.ts'
import { openConnection, type Redis } from '../../src/redis/client.ts'
import { type Embedded, startEmbedded } from '../../src/redis/embedded.ts'
import { identityOf, lifeOf } from '../../src/redis/identity.ts'
import { endRemembered, recallServer, rememberServer } from '../../src/redis/orphan.ts'
import { program } from '../fixtures/program.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { shortDir } from '../fixtures/short-dir.ts'
import { until } from '../fixtures/until.ts'

const start = async (t: Test, dataDir: string, patience?: number) => {
  const { log, lines } = recordLog()
  const embedded = await startEmbedded({ dataDir, log, ...(patience && { patience }) })
  t.teardown(() => embedded.close())
  return { ...embedded, lines }
}

const connect = async (t: Test, { url }: Pick<Embedded, 'url'>): Promise<Redis> => {
  const redis = openConnection({ url, commandTimeout: 5000 })
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  await redis.connect()
  return redis
}

interface Said {
  readonly url?: string
  readonly message?: string
  readonly interrupted?: true
}

/** A gateway in a process (and process group) of its own, and what it says first. */
const startChild = (t: Test, dataDir: string) => {
  const child = fork(new URL('../fixtures/embedded-child.ts', import.meta.url), [dataDir], {
    detached: true,
  })
  const gone = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await gone
    await endRemembered(dataDir, 10_000, recordLog().log)
  })
  return { child, gone, said: (): Promise<Said> => next(child) }
}

const next = async (child: ChildProcess): Promise<Said> => {
  const [message] = await once(child, 'message')
  return message
}

const serverOf = async (dataDir: string) => {
  const entry = await recallServer(dataDir)
  if (entry === undefined) throw new Error('no server is remembered')
  return entry
}

/** The process group of a process: proc_pid_stat(5), the third field after its name. */
const groupOf = async (pid: number): Promise<number> =>
  Number((await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ')[2])

/** How many processes have a socket in this folder: the title of a Redis names it. */
const serversIn = async (dataDir: string): Promise<number> => {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const titles = await Promise.all(
    pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return titles.filter(title => title.includes(`unixsocket:${dataDir}/`)).length
}

t.test('sessions are there after a restart, and the folder is for nobody else', async t => {
  const dataDir = join(await shortDir(t), 'data')
  const first = await start(t, dataDir)
  t.equal(first.url, `unix://${dataDir}/redis.sock`)
  t.equal((await stat(dataDir)).mode & 0o777, 0o700)
  t.equal((await stat(join(dataDir, 'redis.sock'))).mode & 0o777, 0o700)
  const redis = await connect(t, first)
  await redis.set('k', 'v')
  const { server } = await serverOf(dataDir)
  await first.close()
  t.equal(await lifeOf(server), 'dead')
  t.strictSame((await readdir(dataDir)).sort(), ['appendonlydir', 'lock.1'])
  t.strictSame(
    first.lines.filter(({ level }) => level !== 'debug'),
    [],
  )

  const second = await start(t, dataDir)
  t.equal(await (await connect(t, second)).get('k'), 'v')
})

t.test('never two on one folder: the second is told who has it', async t => {
  const dataDir = await shortDir(t)
  await start(t, dataDir)
  await t.rejects(start(t, dataDir), {
    name: 'SetupError',
    message: `${dataDir} is in use by another gateway, process ${process.pid}:`,
  })
})

t.test('of two started at the same moment exactly one wins', async t => {
  const dataDir = await shortDir(t)
  const children = [startChild(t, dataDir), startChild(t, dataDir)]
  const said = await Promise.all(children.map(({ said }) => said()))
  const winner = said.findIndex(({ url }) => url !== undefined)
  t.match(said[winner], { url: `unix://${dataDir}/redis.sock` })
  t.match(said[1 - winner], {
    name: 'SetupError',
    message: `${dataDir} is in use by another gateway, process ${children[winner]?.child.pid}:`,
  })
  t.equal(await serversIn(dataDir), 1)
  await (await connect(t, { url: `unix://${dataDir}/redis.sock` })).set('k', 'v')
})

t.test('after a kill -9 of the gateway its server is replaced, without losing a key', async t => {
  const dataDir = await shortDir(t)
  const { child, gone, said } = startChild(t, dataDir)
  const { url = '' } = await said()
  const redis = await connect(t, { url })
  const written: string[] = []
  let writing = true
  const writer = (async () => {
    for (let index = 0; writing; index++) {
      try {
        await redis.set(`key ${index}`, 'v')
        written.push(`key ${index}`)
      } catch {
        return
      }
    }
  })()
  await until(() => written.length > 100)
  const orphan = await serverOf(dataDir)
  child.kill('SIGKILL')
  await gone
  const already = written.length
  await until(() => written.length > already + 100)
  t.equal(await lifeOf(orphan.server), 'alive', 'the server outlives its gateway')

  const second = await start(t, dataDir)
  writing = false
  await writer
  t.equal(await lifeOf(orphan.server), 'dead')
  t.equal(await serversIn(dataDir), 1)
  t.match(second.lines[0], { level: 'warn', pid: orphan.server.pid })
  const values = await (await connect(t, second)).mget(written)
  t.strictSame(
    [...new Set(values)],
    ['v'],
    `all ${written.length} that Redis had confirmed are there`,
  )
})

t.test(
  'a kill -9 at any moment of the start leaves nothing that a next start cannot take over',
  async t => {
    const dataDir = await shortDir(t)
    const exists = (name: string) => () =>
      access(join(dataDir, name)).then(
        () => true,
        () => false,
      )
    let round = 0
    for (const moment of ['lock', 'server.json', 'redis.sock']) {
      const name = moment === 'lock' ? `lock.${2 * ++round - 1}` : moment
      const { child, gone } = startChild(t, dataDir)
      await until(exists(name))
      child.kill('SIGKILL')
      await gone
      if (moment !== 'lock') round++
      const { log } = recordLog()
      const embedded = await startEmbedded({ dataDir, log })
      t.equal(await serversIn(dataDir), 1, `killed as soon as there was ${name}`)
      await embedded.close()
      t.equal(await serversIn(dataDir), 0)
    }
  },
)

t.test('a server that dies is started again, with what it had', async t => {
  const dataDir = await shortDir(t)
  const embedded = await start(t, dataDir)
  const redis = await connect(t, embedded)
  await redis.set('k', 'v')
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const { server } = await serverOf(dataDir)
    process.kill(server.pid, signal)
    await until(async () => (await lifeOf(server)) === 'dead' && redis.status !== 'ready')
    await until(() => redis.status === 'ready')
    t.equal(await redis.get('k'), 'v')
    t.equal(await serversIn(dataDir), 1)
  }
  t.match(
    embedded.lines.filter(({ msg }) => msg.startsWith('the embedded Redis ended')),
    [
      { level: 'error', reason: /./ },
      { level: 'error', reason: /bye bye/ },
    ],
  )
})

t.test(
  'Ctrl-C in the terminal leaves the server to the gateway; its exit takes the server along',
  async t => {
    const dataDir = await shortDir(t)
    const { child, gone, said } = startChild(t, dataDir)
    const { url = '' } = await said()
    const redis = await connect(t, { url })
    const { server } = await serverOf(dataDir)
    t.equal(
      await groupOf(server.pid),
      server.pid,
      'a signal to the group of the gateway is not for it',
    )
    const interrupted = next(child)
    process.kill(-Number(child.pid), 'SIGINT')
    t.match(await interrupted, { interrupted: true })
    t.equal(await redis.set('k', 'written while draining'), 'OK')
    child.send('exit without closing')
    await gone
    await until(async () => (await lifeOf(server)) === 'dead')
    const second = await start(t, dataDir)
    t.equal(await (await connect(t, second)).get('k'), 'written while draining')
  },
)

t.test(
  'a path too long for a socket: it is in a private folder, and left by a server that hangs',
  async t => {
    const dataDir = join(await shortDir(t), 'x'.repeat(90))
    const { child, gone, said } = startChild(t, dataDir)
    const { url = '' } = await said()
    const left = dirname(url.slice('unix://'.length))
    t.equal((await stat(left)).mode & 0o777, 0o700)
    await (await connect(t, { url })).set('k', 'v')
    const { server } = await serverOf(dataDir)
    process.kill(server.pid, 'SIGSTOP')
    child.kill('SIGKILL')
    await gone

    const second = await start(t, dataDir, 1000)
    t.equal(await lifeOf(server), 'dead')
    await t.rejects(access(left), { code: 'ENOENT' }, 'what the killed one had is gone')
    t.equal(await (await connect(t, second)).get('k'), 'v')
    const used = dirname(second.url.slice('unix://'.length))
    const told = second.lines.filter(({ level }) => level !== 'debug')
    t.match(told, [{ level: 'warn' }, { level: 'info', socket: `${used}/redis.sock` }])
    await second.close()
    await t.rejects(access(used), { code: 'ENOENT' })
  },
)

t.test('what cannot be started says why, and holds nothing afterwards', async t => {
  const dataDir = await shortDir(t)
  await writeFile(join(dataDir, 'appendonlydir'), 'a file where a folder should be')
  await t.rejects(start(t, dataDir), {
    name: 'SetupError',
    message: /^the embedded Redis did not start: .*appendonlydir/,
  })
  t.equal(await serversIn(dataDir), 0)
  await t.rejects(start(t, dataDir), /did not start/, 'not: in use')

  const server = await identityOf(process.pid)
  if (server === undefined) throw new Error('not found')
  await rememberServer(dataDir, { server, socket: join(dataDir, 'redis.sock') })
  const kill = t.intercept(process, 'kill', { value: () => true })
  await t.rejects(start(t, dataDir, 10), /left behind, process \d+, .* cannot be ended/)
  kill.restore()

  t.intercept(process, 'env', { value: {} })
  await t.rejects(start(t, dataDir), /needs redis-server or valkey-server/)
})

t.test(
  'a server that cannot be ended keeps the folder, and close() does not wait for ever',
  async t => {
    const dataDir = await shortDir(t)
    const { log, lines } = recordLog()
    const embedded = await startEmbedded({ dataDir, log, patience: 300 })
    const { server } = await serverOf(dataDir)
    const kill = t.intercept(process, 'kill', { value: () => true })
    await embedded.close()
    kill.restore()
    t.match(lines.at(-1), { level: 'error', msg: 'the embedded Redis cannot be ended' })
    t.equal(await lifeOf(server), 'alive')
    await t.rejects(start(t, dataDir), /in use by another gateway/)
    process.kill(server.pid, 'SIGKILL')
  },
)

t.test('a start that failed leaves no server', async t => {
  const root = await shortDir(t)
  const dataDir = join(root, 'data')
  await program(
    join(root, 'bin/redis-server'),
    `[ "$1" = --version ] && echo 'Redis server v=7.2.4' && exit
trap '' TERM; while :; do sleep 0.01; done`,
  )
  t.intercept(process, 'env', { value: { PATH: `${root}/bin:${process.env['PATH']}` } })
  const { log } = recordLog()
  await t.rejects(startEmbedded({ dataDir, log, patience: 100 }), SetupError)
  const { server } = await serverOf(dataDir)
  t.equal(await lifeOf(server), 'dead')
})
