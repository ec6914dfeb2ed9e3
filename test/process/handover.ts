import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createHandover } from '../../src/process/handover.ts'
import type { Worker } from '../../src/process/spawn.ts'
import { until } from '../fixtures/until.ts'

/** A worker that takes a connection when `take` is called, and dies when `die` is. */
const createWorker = (id: number) => {
  const given: { take(): void; die(): void }[] = []
  const call = () =>
    new Promise<never>((resolve, reject) => {
      given.push({
        take: () => resolve(undefined as never),
        die: () => reject(new Error('the worker is gone')),
      })
    })
  const gone = new Promise<string>(() => undefined)
  const worker: Worker = { id, pid: undefined, call, gone, kill: () => undefined }
  return { worker, given }
}

const listen = async (t: { teardown(fn: () => unknown): void }) => {
  const handover = createHandover()
  const accepted: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, socket => {
    accepted.push(socket)
    handover.take(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clients: Socket[] = []
  t.teardown(() => {
    server.close()
    for (const socket of [...accepted, ...clients]) socket.destroy()
  })
  /** Connects, and resolves when the connection is accepted. */
  const open = async (): Promise<Socket> => {
    const address = server.address()
    const wanted = accepted.length + 1
    const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1')
    socket.on('error', () => undefined)
    clients.push(socket)
    await until(() => accepted.length === wanted)
    return socket
  }
  return { handover, open, accepted }
}

t.test('workers take turns, each when it has taken the last one', async t => {
  const { handover, open, accepted } = await listen(t)
  const [one, other] = [createWorker(1), createWorker(2)]
  handover.add(one.worker)
  handover.add(other.worker)
  for (let i = 0; i < 4; i++) await open()
  t.same([one.given.length, other.given.length], [1, 1], 'the others wait')
  other.given[0]?.take()
  await until(() => other.given.length === 2)
  t.equal(accepted[1]?.destroyed, true, 'what a worker has taken is closed here')
  t.equal(one.given.length, 1, 'one that is stuck holds up no other')
  other.given[1]?.take()
  await until(() => other.given.length === 3)
})

t.test('what a worker had not taken when it died goes to another', async t => {
  const { handover, open, accepted } = await listen(t)
  const [one, other] = [createWorker(1), createWorker(2)]
  handover.add(one.worker)
  await open()
  await open()
  handover.remove(one.worker)
  one.given[0]?.die()
  await turn()
  handover.add(other.worker)
  await until(() => other.given.length === 1)
  other.given[0]?.take()
  await until(() => other.given.length === 2)
  t.equal(accepted[0]?.destroyed, true, 'the older one first')
  t.equal(accepted[1]?.destroyed, false)
  t.equal(one.given.length, 1)
})

t.test('at the end all that was accepted is taken, or cut when the time is over', async t => {
  const { handover, open } = await listen(t)
  const { worker, given } = createWorker(1)
  handover.add(worker)
  await open()
  await open()
  let finished = false
  const end = handover.finish(10_000).then(() => {
    finished = true
  })
  given[0]?.take()
  await until(() => given.length === 2)
  t.equal(finished, false)
  given[1]?.take()
  await end

  const stuck = await open()
  const waiting = await open()
  const closed = once(waiting, 'close')
  await handover.finish(1)
  await closed
  t.equal(stuck.destroyed, false, 'a worker may have that one already')
})
