import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { receiveUpgrade } from '../../src/http/upgrades.ts'

const requestOf = (socket: Socket, upgrade: string) =>
  Object.assign(new IncomingMessage(socket), {
    ...{ method: 'GET', httpVersion: '1.1' },
    headers: { host: 'localhost', connection: 'upgrade', upgrade },
  })

t.test('what comes before the answer is held back, one chunk at most', t => {
  const socket = new Socket()
  const received = receiveUpgrade(requestOf(socket, 'websocket'), socket, Buffer.from('a'))
  socket.emit('data', Buffer.from('b'))
  t.ok(socket.isPaused())
  t.equal(`${received?.upgrade?.take()}`, 'ab')
  t.equal(socket.listenerCount('data'), 0)
  t.end()
})

t.test('a connection that still owes an answer is closed (CVE-2026-130647)', t => {
  const socket = new Socket()
  const earlier = new ServerResponse(requestOf(socket, ''))
  earlier.assignSocket(socket)
  t.equal(receiveUpgrade(requestOf(socket, 'websocket'), socket, Buffer.alloc(0)), undefined)
  t.ok(socket.destroyed)
  t.end()
})

t.test('any other upgrade is just a response that closes, and errors are nobody’s end', t => {
  const socket = new Socket()
  const received = receiveUpgrade(requestOf(socket, 'h2c'), socket, Buffer.alloc(0))
  t.equal(received?.upgrade, undefined)
  t.equal(received?.res.shouldKeepAlive, false)
  t.doesNotThrow(() => socket.emit('error', new Error('reset')))
  t.end()
})
