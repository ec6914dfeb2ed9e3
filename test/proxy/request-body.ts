import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { awaitsContinue, hasBody, requestBody } from '../../src/proxy/request-body.ts'

interface Test {
  teardown(fn: () => unknown): void
}

/** The request that a server gets of these bytes, and the socket that sent them. */
const receive = async (t: Test, bytes: string) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const socket = connect(address.port, '127.0.0.1')
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  const arrived = new Promise<IncomingMessage>(resolve => {
    server.on('request', resolve)
    server.on('checkContinue', resolve)
  })
  socket.write(bytes)
  return { req: await arrived, socket }
}

const post = (lines: string, body = '') =>
  `POST / HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n\r\n${body}`

t.test('a body is what the framing announces (RFC 9112 section 6.3)', async t => {
  const announced = async (lines: string) => hasBody((await receive(t, post(lines))).req)
  t.equal(await announced('Content-Length: 5'), true)
  t.equal(await announced('Transfer-Encoding: chunked'), true)
  t.equal(await announced('Content-Length: 0'), false)
  t.equal(await announced('X: y'), false)
  t.equal(requestBody((await receive(t, post('X: y'))).req, 0), null)
})

t.test('only a client of HTTP/1.1 that has a body waits for 100 (PX-07)', async t => {
  const waits = async (bytes: string) => awaitsContinue((await receive(t, bytes)).req)
  t.equal(await waits(post('Content-Length: 5\r\nExpect: 100-Continue')), true)
  t.equal(await waits(post('Content-Length: 0\r\nExpect: 100-continue')), false)
  t.equal(await waits(post('Content-Length: 5')), false)
  t.equal(
    await waits('POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'),
    false,
  )
})

t.test('it is read byte for byte, and no faster than somebody wants it', async t => {
  const { req, socket } = await receive(t, post('Content-Length: 300000', 'a'.repeat(100)))
  const body = requestBody(req, 0)
  socket.write('b'.repeat(299_900))
  let text = ''
  for await (const chunk of body ?? []) text += chunk
  t.equal(text, 'a'.repeat(100) + 'b'.repeat(299_900))
})

t.test('one byte over the limit is an error, the limit itself is not (RL-02)', async t => {
  const read = async (length: number) => {
    const { req } = await receive(
      t,
      post(
        'Transfer-Encoding: chunked',
        `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n0\r\n\r\n`,
      ),
    )
    let bytes = 0
    for await (const chunk of requestBody(req, 10) ?? []) bytes += chunk.length
    return bytes
  }
  t.equal(await read(10), 10)
  await t.rejects(read(11), { code: 'body_too_large' })
})

t.test('a client that leaves in mid-body is an error for the reader', async t => {
  const { req, socket } = await receive(t, post('Content-Length: 10', 'half'))
  const body = requestBody(req, 0)
  const read = async () => {
    for await (const _chunk of body ?? []) socket.destroy()
  }
  await t.rejects(read(), /went away/)
})

t.test('a client that leaves when nobody reads any more ends nothing but itself', async t => {
  const { req, socket } = await receive(t, post('Content-Length: 10', 'half'))
  const body = requestBody(req, 0)
  t.equal(body?.listenerCount('error'), 1)
  socket.destroy()
  await new Promise<void>(resolve => body?.once('close', resolve))
  t.ok(body?.destroyed)
})

t.test('an end at our side leaves the client its connection, to read why', async t => {
  const { req, socket } = await receive(t, post('Content-Length: 10', 'half'))
  const body = requestBody(req, 0)
  body?.destroy()
  await once(body ?? socket, 'close')
  t.notOk(req.destroyed)
  t.equal(req.listenerCount('data'), 0)
})
