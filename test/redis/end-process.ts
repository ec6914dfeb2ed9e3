import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { endProcess } from '../../src/redis/end-process.ts'
import { type Identity, identityOf } from '../../src/redis/identity.ts'

const start = async (t: Test, script: string): Promise<[ChildProcess, Identity]> => {
  const child = spawn('sh', ['-c', `${script}; echo ready; while :; do sleep 0.01; done`])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const identity = await identityOf(child.pid ?? 0)
  if (identity === undefined) throw new Error('not found')
  return [child, identity]
}

t.test('a process is asked, then made to', async t => {
  const [polite, first] = await start(t, ':')
  const exit = once(polite, 'exit')
  t.equal(await endProcess(first, 10_000), true)
  t.strictSame(await exit, [null, 'SIGTERM'])
  t.equal(await endProcess(first, 10_000), true, 'what is gone is gone')

  const [deaf, second] = await start(t, 'trap "" TERM')
  const killed = once(deaf, 'exit')
  t.equal(await endProcess(second, 50), true)
  t.strictSame(await killed, [null, 'SIGKILL'])
})

t.test('what cannot be ended is said to live', async t => {
  const [, identity] = await start(t, ':')
  const signals: unknown[] = []
  t.intercept(process, 'kill', {
    value: (_: number, signal: unknown) => {
      signals.push(signal)
      throw new Error('EPERM')
    },
  })
  t.equal(await endProcess(identity, 20), false)
  t.strictSame(signals, ['SIGTERM', 'SIGKILL'])
})
