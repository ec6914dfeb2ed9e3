import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { createSlowClients } from '../../src/http/slow-clients.ts'
import { until } from '../fixtures/until.ts'

const start = async (t: { teardown(fn: () => unknown): void }, answerEarly: boolean) => {
  const slow = createSlowClients({ headers: 60, body: 60, bodyBytes: 10, reading: 60 })
  const server = createServer((req, res) => {
    slow.receiving(req)
    if (answerEarly) res.writeHead(401, { connection: 'close' }).end()
    else req.resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    slow.close()
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const post = () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx')
    return once(socket, 'close')
  }
  return { slow, post }
}

t.test('a client that stops in the middle of its body is cut (RL-03)', async t => {
  const { slow, post } = await start(t, false)
  await post()
  await until(() => slow.waiting() === 0)
})

t.test('a request that was answered before its body came is not held on to', async t => {
  const { slow, post } = await start(t, true)
  await Promise.all(Array.from({ length: 20 }, post))
  await until(() => slow.waiting() === 0)
})
