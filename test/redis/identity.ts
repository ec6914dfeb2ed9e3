import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { identityByPs, identityOf, lifeOf, parseIdentity } from '../../src/redis/identity.ts'
import { program } from '../fixtures/program.ts'
import { until } from '../fixtures/until.ts'

const sleeper = async (t: { teardown(fn: () => unknown): void }) => {
  const child = spawn('sleep', ['1000'])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  return { pid: child.pid ?? 0, kill: () => child.kill('SIGKILL'), gone: once(child, 'exit') }
}

for (const [name, platform, of] of [
  ['/proc', 'linux', identityOf],
  ['ps', 'darwin', identityByPs],
] as const) {
  t.test(`with ${name}: the same while a process lives, then none`, async t => {
    t.intercept(process, 'platform', { value: platform })
    const { lifeOf } = await t.mockImport<typeof import('../../src/redis/identity.ts')>(
      '../../src/redis/identity.ts',
    )
    const child = await sleeper(t)
    const identity = await of(child.pid)
    if (identity === undefined) throw new Error('not found')
    t.strictSame(await of(child.pid), identity)
    t.equal(await lifeOf(identity), 'alive')
    t.equal(await lifeOf({ ...identity, start: 'another' }), 'dead', 'the same id, given again')
    child.kill()
    await child.gone
    t.equal(await of(child.pid), undefined)
    t.equal(await lifeOf(identity), 'dead')
  })

  t.test(`with ${name}: a process that nobody buried is dead`, async t => {
    const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 1000'])
    t.teardown(() => parent.kill('SIGKILL'))
    const [pid] = await once(parent.stdout, 'data')
    await until(async () => (await of(Number(pid))) === undefined)
    t.doesNotThrow(() => process.kill(Number(pid), 0), 'it still has its id')
  })
}

t.test('ps speaks of the same moment in every time zone', async t => {
  const before = await identityByPs(process.pid)
  t.intercept(process, 'env', {
    value: { ...process.env, TZ: 'Asia/Tokyo', LC_ALL: 'de_DE.UTF-8' },
  })
  t.strictSame(await identityByPs(process.pid), before)
})

t.test('without ps nothing is known, which is not the same as dead', async t => {
  const root = t.testdir()
  t.intercept(process, 'env', { value: { PATH: root } })
  await t.rejects(identityByPs(process.pid), { code: 'ENOENT' })
  await program(join(root, 'ps'), 'exit 2')
  await t.rejects(identityByPs(process.pid), { code: 2 })
})

t.test('another start of the machine is over; another container cannot be judged', async t => {
  const identity = await identityOf(process.pid)
  if (identity === undefined) throw new Error('not found')
  t.equal(await lifeOf({ ...identity, boot: 'another' }), 'dead')
  t.equal(await lifeOf({ ...identity, namespace: 'another' }), 'unknown')
})

t.test('an identity comes back from JSON, nothing else does', async t => {
  const identity = { pid: 1, start: '2', boot: 'b', namespace: 'n' }
  t.strictSame(parseIdentity(JSON.stringify(identity)), identity)
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"pid":"1"}',
    '{"pid":1,"start":2,"boot":""}',
  ]) {
    t.equal(parseIdentity(text), undefined, text)
  }
})
