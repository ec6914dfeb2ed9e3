import { spawnSync } from 'node:child_process'
import { access, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { program } from '../fixtures/program.ts'

type Plan =
  | { kind: 'found' }
  | { kind: 'install'; attempts: string[][][] }
  | { kind: 'tell'; line: string }

const script = fileURLToPath(new URL('../../demo/redis-binary.js', import.meta.url))
const { planFor }: { planFor(here: { has(name: string): boolean; uid?: number }): Plan } =
  await import(script)

const plan = (tools: string[], uid = 1000) => planFor({ has: name => tools.includes(name), uid })

/** Writes down how it was called, and whether a service could have been started; then does as told. */
const recorder = (log: string, then: string) =>
  `if [ -x "$DPKG_ROOT/usr/sbin/policy-rc.d" ]; then services=no; else services=yes; fi
echo "\${0##*/} $* services=$services frontend=$DEBIAN_FRONTEND" >> ${log}
${then}`

/** Runs the script where only these programs are, each a shell script. */
const runWhere = async (t: Test, programs: Record<string, string>) => {
  const root = t.testdir()
  const bin = join(root, 'bin')
  const log = join(root, 'log')
  await program(join(root, 'x'), '')
  await program(join(bin, 'x'), '')
  await symlink(process.execPath, join(bin, 'node'))
  for (const [name, then] of Object.entries(programs)) {
    await program(join(bin, name), recorder(log, then.replaceAll('BIN', bin)))
  }
  const { status, stdout } = spawnSync('node', [script], {
    encoding: 'utf8',
    env: { PATH: bin, DPKG_ROOT: root },
  })
  const calls = await readFile(log, 'utf8').catch(() => '')
  await t.rejects(access(join(root, 'usr/sbin/policy-rc.d')), { code: 'ENOENT' })
  return { status, stdout, calls: calls.trim().split('\n') }
}

/** As an installer would. `:` is a program of the shell, so that nothing else is needed on the PATH. */
const installs = (file: string) => `: > BIN/${file}; /bin/chmod 755 BIN/${file}`

t.test('what is there is enough', async t => {
  t.strictSame(plan(['redis-server', 'apt-get', 'brew'], 0), { kind: 'found' })
  t.strictSame(plan(['valkey-server']), { kind: 'found' })
  const { status, stdout, calls } = await runWhere(t, { 'valkey-server': '', 'apt-get': '' })
  t.strictSame([status, stdout, calls], [0, '', ['']])
})

t.test('root with apt-get: installed, without a service', async t => {
  t.match(plan(['apt-get', 'brew'], 0), {
    kind: 'install',
    attempts: [[['apt-get', 'install']], []],
  })
  const { status, stdout, calls } = await runWhere(t, { 'apt-get': installs('redis-server') })
  if (process.getuid?.() !== 0) {
    t.equal(status, 1)
    return
  }
  t.equal(status, 0, stdout)
  t.strictSame(calls, [
    'apt-get install --yes --no-install-recommends redis-server services=no frontend=noninteractive',
  ])
})

t.test('root with apt-get and old package lists: updated first, then installed', async t => {
  const once = `[ "$1" = update ] && : > BIN/updated && exit 0
[ -e BIN/updated ] || exit 100
${installs('redis-server')}`
  const { status, calls } = await runWhere(t, { 'apt-get': once })
  if (process.getuid?.() !== 0) {
    t.equal(status, 1)
    return
  }
  t.equal(status, 0)
  t.strictSame(
    calls.map(call => call.split(' ')[1]),
    ['install', 'update', 'install'],
  )
})

t.test('an installation that fails, or brings nothing, is not success', async t => {
  for (const [index, then] of ['exit 1', 'exit 0'].entries()) {
    await t.test(String(index), async t => {
      const { status, stdout } = await runWhere(t, { brew: then })
      t.equal(status, 1)
      t.match(stdout, 'It could not be installed')
    })
  }
})

t.test('Ctrl-C in between leaves nothing behind', async t => {
  const { status, stdout } = await runWhere(t, { brew: 'kill -INT $PPID; exit 1' })
  t.equal(status, 1)
  t.match(stdout, 'It could not be installed')
})

t.test('Homebrew installs for anybody', async t => {
  t.match(plan(['brew', 'apt-get']), { attempts: [[['brew', 'install', 'redis']]] })
  const { status, stdout, calls } = await runWhere(t, { brew: installs('redis-server') })
  t.equal(status, 0, stdout)
  t.match(calls, [/^brew install redis /])
})

t.test('otherwise it says what to type', async t => {
  t.strictSame(plan(['apt-get']), { kind: 'tell', line: 'sudo apt-get install redis-server' })
  t.strictSame(plan(['dnf'], 0), { kind: 'tell', line: 'sudo dnf install valkey' })
  t.strictSame(plan(['apk']), { kind: 'tell', line: 'sudo apk add redis' })
  t.match(plan([]), { kind: 'tell', line: /^see https:/ })
  const { status, stdout, calls } = await runWhere(t, { dnf: '' })
  t.equal(status, 1)
  t.match(stdout, 'To install one: sudo dnf install valkey')
  t.strictSame(calls, [''])
})
