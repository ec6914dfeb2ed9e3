import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type Lingering, linger } from '../../src/http/linger.ts'
import { until } from '../fixtures/until.ts'

const patient: Lingering = { longest: 60_000, silence: 60_000, bytes: 1024 ** 3 }

/** A client, and the other end of its connection, which was answered and lingers. */
const open = async (t: Test, lingering: Lingering) => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const client = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => undefined)
  const [socket] = (await once(server, 'connection')) as [Socket]
  socket.on('error', () => undefined)
  let parsed = 0
  socket.on('data', chunk => {
    parsed += chunk.length
  })
  socket.write('refused')
  linger(socket, lingering)
  t.teardown(() => {
    client.destroy()
    socket.destroy()
    server.close()
  })
  return { client, socket, parsed: () => parsed }
}

t.test('our side is closed at once, theirs when they have closed it', async t => {
  const { client, socket, parsed } = await open(t, patient)
  let text = ''
  client.on('data', chunk => {
    text += chunk
  })
  await once(client, 'end')
  t.equal(text, 'refused')
  t.notOk(socket.destroyed)
  client.write('x'.repeat(100_000))
  client.end()
  await until(() => socket.destroyed)
  t.equal(parsed(), 0, 'who listened before hears nothing')
})

t.test('who is silent is waited for so long', async t => {
  const { socket } = await open(t, { ...patient, silence: 20 })
  await until(() => socket.destroyed)
})

t.test('who sends a byte now and then is waited for so long', async t => {
  const { client, socket } = await open(t, { ...patient, longest: 200 })
  const timer = setInterval(() => client.write('x'), 5)
  t.teardown(() => clearInterval(timer))
  await until(() => socket.destroyed)
})

t.test('who sends without end is cut after so many bytes', async t => {
  const { client, socket } = await open(t, { ...patient, bytes: 1_000_000 })
  const chunk = Buffer.alloc(65_536)
  const more = (): void => {
    while (!socket.destroyed && client.write(chunk));
    client.once('drain', more)
  }
  more()
  await until(() => socket.destroyed)
  t.ok(socket.bytesRead >= 1_000_000 && socket.bytesRead < 3_000_000, String(socket.bytesRead))
})

t.test('a connection that is gone is left alone', async t => {
  const { socket } = await open(t, patient)
  socket.destroy()
  await until(() => socket.closed)
  linger(socket, { ...patient, longest: 1 })
  t.ok(socket.destroyed)
})
