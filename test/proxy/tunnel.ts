import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { createDeadlines } from '../../src/proxy/deadlines.ts'
import { Tunnel } from '../../src/proxy/tunnel.ts'
import { until } from '../fixtures/until.ts'
import { type Frame, frameOf, readFrames } from '../fixtures/websocket.ts'

type Test = { teardown(fn: () => unknown): void }

/** Both ends of a connection; the second is the one that was accepted. */
const pair = async (t: Test): Promise<[Socket, Socket]> => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const accepting = once(server, 'connection')
  const near = connect({ port: address.port, host: '127.0.0.1' })
  const [far] = await accepting
  server.close()
  t.teardown(() => {
    near.destroy()
    far.destroy()
  })
  near.on('error', () => undefined)
  far.on('error', () => undefined)
  return [near, far]
}

const open = async (t: Test) => {
  const [browser, client] = await pair(t)
  const [upstream, api] = await pair(t)
  const deadlines = createDeadlines(5)
  t.teardown(deadlines.close)
  let active = 0
  let over = 0
  const frames: Frame[] = []
  let bytes = 0
  browser.on(
    'data',
    readFrames(frame => frames.push(frame)),
  )
  browser.on('data', chunk => {
    bytes += chunk.length
  })
  const tunnel = new Tunnel({
    ...{ client, upstream, deadlines, early: Buffer.alloc(0), halfOpenTime: 100 },
    owner: { active: () => active++, over: () => over++ },
  })
  const codes = () =>
    frames.filter(({ opcode }) => opcode === 8).map(({ payload }) => payload.readUInt16BE(0))
  return {
    ...{ tunnel, browser, api, client, upstream, deadlines, frames, codes },
    bytes: () => bytes,
    active: () => active,
    over: () => over,
  }
}

t.test('a close waits for the rest of the frame and drops what follows it', async t => {
  const { tunnel, browser, api, bytes, frames, codes, upstream, over } = await open(t)
  const frame = frameOf('x'.repeat(1_000))
  api.write(frame.subarray(0, 500))
  await until(() => bytes() === 500)
  tunnel.close(4401, 'session ended')
  tunnel.close(4409, 'a second time')
  browser.write('no more')
  t.notOk(upstream.destroyed)
  api.write(Buffer.concat([frame.subarray(500), frameOf('late')]))
  await until(() => browser.destroyed)
  t.strictSame(codes(), [4401])
  t.equal(frames.length, 2)
  t.ok(upstream.destroyed)
  await until(() => over() === 1)
})

t.test('a frame that does not end is cut off, and so is a client that does not read', async t => {
  const one = await open(t)
  one.api.write(frameOf('x'.repeat(1_000)).subarray(0, 500))
  await until(() => one.bytes() === 500)
  one.tunnel.close(4401, '')
  await until(() => one.client.destroyed && one.upstream.destroyed)
  t.strictSame(one.codes(), [])
  t.equal(one.deadlines.size(), 0)

  const two = await open(t)
  two.browser.pause()
  const chunk = frameOf('x'.repeat(60_000))
  while (two.api.write(chunk)) await new Promise(setImmediate)
  await until(() => two.client.writableLength > 0)
  two.tunnel.close(4401, '')
  await until(() => two.client.destroyed && two.upstream.destroyed)
  t.equal(two.over(), 1)

  const three = await open(t)
  three.api.write(frameOf('x'.repeat(1_000)).subarray(0, 500))
  await until(() => three.bytes() === 500)
  three.tunnel.close(4401, '')
  three.api.end()
  await until(() => three.browser.destroyed)
  t.strictSame(three.codes(), [], 'the upstream ended inside the frame')
})

t.test('nothing of the client goes upstream after a close', async t => {
  const { tunnel, browser, api, active, codes } = await open(t)
  let got = ''
  api.on('data', chunk => {
    got += chunk
  })
  browser.write('before')
  await until(() => got === 'before')
  t.equal(active(), 1)
  tunnel.close(4401, '')
  browser.write('after')
  await until(() => browser.destroyed && api.destroyed === false && api.readableEnded)
  t.equal(got, 'before')
  t.equal(active(), 1)
  t.strictSame(codes(), [4401])
})

t.test('a tunnel without a byte for too long is closed, and half of one is cut', async t => {
  const idle = await open(t)
  idle.tunnel.deadline = performance.now()
  await until(() => idle.browser.destroyed)
  t.strictSame(idle.codes(), [1001])

  const half = await open(t)
  half.browser.end()
  await until(() => half.client.destroyed && half.upstream.destroyed)
  t.strictSame(half.codes(), [])
  t.equal(half.over(), 1)
})

t.test('what cannot be closed is cut: half a tunnel, or one whose client is gone', async t => {
  const half = await open(t)
  half.api.end()
  half.browser.on('end', () => undefined)
  await until(() => half.client.writableEnded)
  half.tunnel.close(4401, '')
  t.ok(half.client.destroyed && half.upstream.destroyed)

  const [, client] = await pair(t)
  const [upstream] = await pair(t)
  const deadlines = createDeadlines(5)
  t.teardown(deadlines.close)
  client.destroy()
  let over = 0
  const tunnel = new Tunnel({
    ...{ client, upstream, deadlines, early: Buffer.from('x'), halfOpenTime: 100 },
    owner: { active: () => undefined, over: () => over++ },
  })
  t.equal(over, 1)
  tunnel.close(4401, '')
  t.ok(upstream.destroyed)
})

t.test('bytes for an upstream that has ended are dropped, its last words are not', async t => {
  const { browser, api, client, upstream, bytes, over } = await open(t)
  const words = frameOf('x'.repeat(8_000_000))
  browser.pause()
  let late = false
  // Once the socket has ended itself, a write would be an error, and that a break.
  const write = () => {
    late = upstream.writableEnded && !upstream.destroyed
    client.emit('data', Buffer.from('too late'))
    browser.resume()
  }
  upstream.once('end', () => process.nextTick(() => process.nextTick(write)))
  api.end(words)
  await until(() => upstream.isPaused())
  browser.resume()
  await until(() => browser.destroyed)
  t.ok(late)
  t.equal(bytes(), words.length)
  t.equal(upstream.errored, null)
  await until(() => over() === 1)
})

t.test('a break at one side is a break at the other', async t => {
  const one = await open(t)
  one.browser.resetAndDestroy()
  await until(() => one.upstream.destroyed)
  const two = await open(t)
  two.api.resetAndDestroy()
  await until(() => two.browser.destroyed)
  t.equal(one.over() + two.over(), 2)
})
