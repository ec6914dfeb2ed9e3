import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { closeListener } from '../../src/http/close-listener.ts'

const open = async (t: Test, taken: (socket: Socket) => void) => {
  const listener = createServer(taken)
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  t.teardown(() => listener.close())
  return { listener, port }
}

t.test('FL-10: who waits in the queue of a listener that closes is taken first', async t => {
  const { listener, port } = await open(t, socket => {
    socket.on('data', data => socket.end(data))
  })
  const clients = Array.from({ length: 300 }, () => connect(port, '127.0.0.1'))
  const answers = clients.map(async client => {
    client.end('asked')
    const [answer] = await once(client, 'data')
    return String(answer)
  })
  // They have called connect() then; the kernel has set them up, and no turn of the event loop has passed.
  await new Promise(process.nextTick)
  await closeListener(listener)
  t.same(await Promise.all(answers), Array(300).fill('asked'))
  const [error] = await once(connect(port, '127.0.0.1'), 'error')
  t.match(error, { code: 'ECONNREFUSED' })
})

t.test('FL-10: a listener to which somebody connects all the time closes', async t => {
  const most = 3_000
  let clients = 0
  const another = () => {
    if (!listener.listening || clients === most) return
    clients++
    const client = connect(port, '127.0.0.1')
    client.on('error', () => undefined).on('connect', () => client.destroy())
  }
  const { listener, port } = await open(t, socket => {
    socket.destroy()
    setImmediate(another)
  })
  another()
  await once(listener, 'connection')
  await closeListener(listener, 20)
  t.notOk(listener.listening)
  t.ok(clients > 10, 'one in each turn')
  t.ok(clients < most, `after ${clients}`)
})

t.test('FL-10: a listener of a busy process closes', async t => {
  const { listener } = await open(t, socket => socket.destroy())
  let turns = 0
  const work = () => {
    const began = performance.now()
    while (performance.now() - began < 1);
    if (++turns < 2_000 && listener.listening) setImmediate(work)
  }
  work()
  await closeListener(listener)
  t.notOk(listener.listening)
  t.ok(turns < 100, `after ${turns} turns`)
})
