import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { SetupError } from '../../src/errors.ts'
import { discardSocket, placeSocket, prepareDataDir } from '../../src/redis/data-dir.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

const { log, lines } = recordLog()

t.test('a folder that is not there is made for nobody else', async t => {
  const folder = join(t.testdir(), 'a', 'data')
  t.equal(await prepareDataDir(folder, log), folder)
  t.equal((await stat(folder)).mode & 0o777, 0o700)
  t.equal(await prepareDataDir(folder, log), folder, 'and taken again')

  await symlink(folder, join(dirname(folder), 'link'))
  t.equal(
    await prepareDataDir(join(dirname(folder), 'link'), log),
    folder,
    'one name for one folder',
  )
  t.strictSame(lines, [])
})

t.test(
  'a folder that others can write to is refused, one that they can read is mentioned',
  async t => {
    const folder = join(t.testdir(), 'data')
    await mkdir(folder)
    for (const mode of [0o770, 0o702]) {
      await chmod(folder, mode)
      const message = `redis.dataDir: others can write to ${folder}; to end that: chmod go-w ${folder}`
      await t.rejects(prepareDataDir(folder, log), new SetupError(message))
    }
    await chmod(folder, 0o750)
    await prepareDataDir(folder, log)
    t.match(lines, [{ level: 'warn', dataDir: folder }])

    t.intercept(process, 'geteuid', { value: () => 4711 })
    await t.rejects(prepareDataDir(folder, log), /belongs to another user/)
  },
)

t.test('what cannot be a folder is a mistake of set-up', async t => {
  const file = join(t.testdir({ file: '' }), 'file')
  await t.rejects(prepareDataDir(file, log), {
    name: 'SetupError',
    message: /redis.dataDir: EEXIST/,
  })
})

t.test(
  'the socket is in the folder, or elsewhere when its path would be too long for one',
  async t => {
    const short = '/var/lib/claimcheck'
    t.equal(await placeSocket(short, log), `${short}/redis.sock`)
    const longest = `/${'x'.repeat(88)}`
    t.equal(await placeSocket(longest, log), `${longest}/redis.sock`)

    lines.length = 0
    const socket = await placeSocket(`${longest}ä`, log)
    const folder = dirname(socket)
    t.equal(dirname(folder), tmpdir())
    t.equal((await stat(folder)).mode & 0o777, 0o700)
    t.match(lines, [{ level: 'info', socket }])

    await writeFile(join(folder, 'other'), '')
    await writeFile(socket, '')
    await discardSocket(socket)
    t.strictSame(await readdir(folder), ['other'], 'what is not ours stays')
    const again = await placeSocket(`${longest}ä`, log)
    await writeFile(again, '')
    await discardSocket(again)
    await t.rejects(stat(dirname(again)), { code: 'ENOENT' })
    await discardSocket(join(t.testdir(), 'redis.sock'))
  },
)
