import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { identityOf } from '../../src/redis/identity.ts'
import {
  endRemembered,
  forgetServer,
  recallServer,
  rememberServer,
} from '../../src/redis/orphan.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { shortDir } from '../fixtures/short-dir.ts'

const { log, lines } = recordLog()

t.test('what is remembered is ended, and nothing else', async t => {
  const folder = await shortDir(t)
  await endRemembered(folder, 1000, log)
  t.equal(await recallServer(folder), undefined)

  const child = spawn('sleep', ['1000'])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const server = await identityOf(child.pid ?? 0)
  if (server === undefined) throw new Error('not found')
  await rememberServer(folder, { server: { ...server, start: 'long ago' }, socket: '/s' })
  await endRemembered(folder, 1000, log)
  t.equal(child.signalCode, null, 'another process has its id now')
  t.strictSame(lines, [])

  await rememberServer(folder, { server, socket: '/a b/s' })
  t.strictSame(await recallServer(folder), { server, socket: '/a b/s' })
  const exit = once(child, 'exit')
  await endRemembered(folder, 10_000, log)
  t.strictSame(await exit, [null, 'SIGTERM'])
  t.match(lines, [{ level: 'warn', pid: child.pid }])
  await endRemembered(folder, 1000, log)
  t.equal(lines.length, 1)

  await forgetServer(folder)
  await forgetServer(folder)
  t.strictSame(await readdir(folder), [])
})

t.test('what cannot be ended keeps the folder', async t => {
  const folder = await shortDir(t)
  const server = await identityOf(process.pid)
  if (server === undefined) throw new Error('not found')
  t.intercept(process, 'kill', { value: () => true })
  await rememberServer(folder, { server, socket: '/s' })
  await t.rejects(endRemembered(folder, 10, log), {
    name: 'SetupError',
    message: /cannot be ended/,
  })
})

t.test('a file that is something else says nothing', async t => {
  const folder = await shortDir(t)
  await writeFile(join(folder, 'server.json'), '{"pid":1}')
  t.equal(await recallServer(folder), undefined)
  await writeFile(join(folder, 'server.json'), '{"pid":1,"start":"","boot":"","namespace":""}')
  t.match(await recallServer(folder), { socket: '' })
})
