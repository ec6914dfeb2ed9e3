import { AsyncLocalStorage } from 'node:async_hooks'
import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import * as errors from '../../src/errors.ts'
import type { Identity, Life } from '../../src/redis/identity.ts'
import * as identity from '../../src/redis/identity.ts'
import { acquireLock } from '../../src/redis/lock.ts'
import { shortDir } from '../fixtures/short-dir.ts'

const { SetupError } = errors
const { identityOf } = identity

type LockModule = typeof import('../../src/redis/lock.ts')

/** What the module imports besides: without these a mock would reach it too, and make it anew. */
const untouched = {
  '../../src/errors.ts': errors,
  '../../src/redis/identity.ts': identity,
}

const locksIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter(name => name.startsWith('lock.')).sort()

/** The module among processes that the test makes up. `as` runs a function as one of them. */
const madeUp = async (t: Test) => {
  const current = new AsyncLocalStorage<Identity>()
  const lives = new Map<number, Life>()
  let last = 1000
  const lock = await t.mockImport<LockModule>('../../src/redis/lock.ts', {
    ...untouched,
    '../../src/redis/identity.ts': {
      ...identity,
      identityOf: async () => current.getStore(),
      lifeOf: async ({ pid }: Identity) => lives.get(pid) ?? 'dead',
    },
  })
  return {
    ...lock,
    lives,
    as: <T>(run: (pid: number) => Promise<T>): Promise<T> => {
      const pid = ++last
      lives.set(pid, 'alive')
      return current.run({ pid, start: '', boot: '', namespace: '' }, () => run(pid))
    },
  }
}

t.test('one holder; what it lets go of is free', async t => {
  const folder = await shortDir(t)
  const lock = await acquireLock(folder)
  t.strictSame(
    JSON.parse(await readFile(join(folder, 'lock.1'), 'utf8')),
    await identityOf(process.pid),
  )
  const refusal = `${folder} is in use by another gateway, process ${process.pid}: stop it, or give this one a redis.dataDir of its own`
  await t.rejects(acquireLock(folder), new SetupError(refusal))
  t.strictSame(await readdir(folder), ['lock.1'], 'nothing is left of the attempt')
  await lock.release()
  const next = await acquireLock(folder)
  t.strictSame(await readdir(folder), ['lock.2'])
  await next.release()
  await rm(folder, { recursive: true })
  await next.release()
})

t.test('what a killed process had is free', async t => {
  const folder = await shortDir(t)
  const child = fork(new URL('../fixtures/lock-child.ts', import.meta.url), [folder])
  t.teardown(() => child.kill('SIGKILL'))
  const [said] = await once(child, 'message')
  t.equal(said, 'locked')
  await t.rejects(acquireLock(folder), new RegExp(`process ${child.pid}:`))
  child.kill('SIGKILL')
  await once(child, 'exit')
  await acquireLock(folder)
  t.strictSame(await locksIn(folder), ['lock.2'])
})

t.test('processes that start, end and die at random: never two holders', async t => {
  const { acquireLock, as, lives } = await madeUp(t)
  const folder = await shortDir(t)
  const holders = new Set<number>()
  let held = 0
  let refused = 0
  let most = 0
  const turns = async () => {
    for (let left = Math.random() * 8; left > 1; left--) await new Promise(setImmediate)
  }
  const life = () =>
    as(async pid => {
      await turns()
      try {
        const lock = await acquireLock(folder)
        held++
        holders.add(pid)
        most = Math.max(most, holders.size)
        await turns()
        holders.delete(pid)
        if (Math.random() < 0.5) await lock.release()
      } catch (error) {
        if (!(error instanceof SetupError)) throw error
        refused++
      }
      lives.set(pid, 'dead')
    })
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      for (let round = 0; round < 60; round++) await life()
    }),
  )
  t.equal(most, 1)
  t.ok(held > 10 && refused > 10, `${held} held it, ${refused} were refused`)
  t.equal((await locksIn(folder)).length, 1, 'and one file is left')
})

t.test('who slept between looking and taking does not get what others had since', async t => {
  const folder = await shortDir(t)
  const { acquireLock: acquireMadeUp, as, lives } = await madeUp(t)
  const fs = await import('node:fs/promises')
  const alarm = new EventEmitter()
  const slow = await t.mockImport<LockModule>('../../src/redis/lock.ts', {
    ...untouched,
    'node:fs/promises': {
      ...fs,
      link: async (from: string, to: string) => {
        alarm.emit('asleep')
        await once(alarm, 'ring')
        return fs.link(from, to)
      },
    },
  })
  const asleep = once(alarm, 'asleep')
  const sleeper = slow.acquireLock(folder)
  await asleep
  for (const expected of ['lock.1', 'lock.2']) {
    await as(async pid => {
      await acquireMadeUp(folder)
      lives.set(pid, 'dead')
    })
    t.strictSame(await locksIn(folder), [expected])
  }
  await acquireLock(folder)
  alarm.emit('ring')
  await t.rejects(sleeper, /in use by another gateway/)
  t.strictSame(await locksIn(folder), ['lock.3'], 'the lock.1 that it made is gone')
})

/** The module on a file system where the first call of one function goes as told. */
const onFirst = async (t: Test, name: string, told: (...args: string[]) => Promise<unknown>) => {
  const fs: Record<string, unknown> = { ...(await import('node:fs/promises')) }
  const real = fs[name]
  let first = true
  fs[name] = (...args: string[]) => {
    if (typeof real !== 'function' || first) {
      first = false
      return told(...args)
    }
    return real(...args)
  }
  return t.mockImport<LockModule>('../../src/redis/lock.ts', {
    ...untouched,
    'node:fs/promises': fs,
  })
}

const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }))

t.test('what others do in between is seen', async t => {
  const folder = await shortDir(t)
  const overtaken = await onFirst(t, 'link', async (_, to = '') => {
    await writeFile(to, '')
    return failing('EEXIST')()
  })
  await (await overtaken.acquireLock(folder)).release()
  t.strictSame(await locksIn(folder), ['lock.2'], 'a lock was made, and let go of again')

  const outdated = await onFirst(t, 'readFile', failing('ENOENT'))
  await outdated.acquireLock(folder)
  t.strictSame(await locksIn(folder), ['lock.3'], 'the one it looked at was removed')
})

t.test('a disk that cannot do it is a mistake of set-up', async t => {
  const folder = await shortDir(t)
  for (const [name, code] of [
    ['open', 'ENOSPC'],
    ['link', 'EPERM'],
  ] as const) {
    const { acquireLock } = await onFirst(t, name, failing(code))
    await t.rejects(acquireLock(folder), {
      name: 'SetupError',
      message: `cannot be locked: ${code}`,
    })
  }
  t.strictSame(await readdir(folder), [], 'nothing is left of the attempts')
  const { acquireLock: odd } = await onFirst(t, 'open', () => Promise.reject('a string'))
  await t.rejects(odd(folder), 'a string')
})

t.test('another container and a file of another kind are not judged', async t => {
  const folder = await shortDir(t)
  const { acquireLock, as, lives } = await madeUp(t)
  await as(async pid => {
    await acquireLock(folder)
    lives.set(pid, 'unknown')
  })
  const elsewhere = `${folder} was taken by a gateway in another container: make sure that it is gone, then remove ${folder}/lock.1`
  await t.rejects(
    as(() => acquireLock(folder)),
    new SetupError(elsewhere),
  )

  await writeFile(join(folder, 'lock.1'), 'something')
  const unreadable = `${folder}/lock.1 is not a lock: remove it if no gateway uses ${folder}`
  await t.rejects(
    as(() => acquireLock(folder)),
    new SetupError(unreadable),
  )
  await t.rejects(acquireLock(folder), /cannot find itself/, 'not without an identity')
})

t.test('a folder that cannot be written or read is a mistake of set-up', async t => {
  const folder = await shortDir(t)
  await t.rejects(acquireLock(join(folder, 'none')), {
    name: 'SetupError',
    message: /cannot be locked: ENOENT/,
  })
  await mkdir(join(folder, 'lock.1'))
  await t.rejects(acquireLock(folder), { name: 'SetupError', message: /cannot be locked: EISDIR/ })
})
