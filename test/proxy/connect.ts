import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import t from 'tap'
import { type ConnectOptions, createConnect } from '../../src/proxy/connect.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { freePort } from '../fixtures/redis.ts'
import { shortDir } from '../fixtures/short-dir.ts'
import { until } from '../fixtures/until.ts'

type Test = { teardown(fn: () => unknown): void }

const listening = async (t: Test, server: Server, at: number | string = 0): Promise<number> => {
  if (typeof at === 'string') server.listen(at)
  else server.listen(at, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

/** Connects once: the socket, or the error. */
const connecting = (options: Partial<ConnectOptions>) => {
  const connect = createConnect({
    ...{ origin: 'http://localhost', socketPath: undefined, timeout: 5000, tls: {} },
    ...options,
  })
  return (): Promise<Socket> =>
    new Promise((resolve, reject) => void connect({ ready: resolve, failed: reject }))
}

t.test('a target is reached by its address, by its name and at its path', async t => {
  const server = createTcpServer(socket => void socket.end('here'))
  const port = await listening(t, server)
  const path = join(await shortDir(t), 's')
  await listening(
    t,
    createTcpServer(socket => void socket.end('there')),
    path,
  )
  for (const [options, said] of [
    [{ origin: `http://127.0.0.1:${port}` }, 'here'],
    [{ origin: `http://localhost:${port}` }, 'here'],
    [{ socketPath: path }, 'there'],
  ] as const) {
    const socket = await connecting(options)()
    const [data] = await once(socket, 'data')
    t.equal(`${data}`, said)
    socket.destroy()
  }
})

t.test('a connection that is not made fails once, with its reason', async t => {
  const refused = connecting({ origin: `http://127.0.0.1:${await freePort()}` })
  await t.rejects(refused(), { code: 'ECONNREFUSED' })
  await t.rejects(connecting({ socketPath: '/nowhere/at/all' })(), { code: 'ENOENT' })

  const accepted: Socket[] = []
  const silent = createTcpServer(socket => {
    accepted.push(socket)
    socket.on('error', () => undefined).resume()
  })
  const origin = `https://127.0.0.1:${await listening(t, silent)}`
  await t.rejects(connecting({ origin, timeout: 50 })(), { code: 'ETIMEDOUT' })
  await until(() => accepted.every(socket => socket.destroyed || socket.readableEnded))

  const leaving = connecting({ origin })()
  await until(() => accepted.length === 2)
  accepted[1]?.destroy()
  await t.rejects(leaving, { code: 'ECONNRESET' })

  const told: unknown[] = []
  const connect = createConnect({ origin, socketPath: undefined, timeout: 5000, tls: {} })
  const socket = connect({ ready: () => told.push('ready'), failed: error => told.push(error) })
  socket.destroy()
  await until(() => told.length > 0)
  t.match(told, [{ code: 'ECONNRESET' }], 'who gave it up hears of it too')
})

t.test('connections to one target resume their TLS sessions, and name it', async t => {
  const authority = createAuthority(await shortDir(t))
  const { cert, key } = authority.sign('localhost', 'DNS:localhost,IP:127.0.0.1')
  const names: unknown[] = []
  const options = { cert: readFileSync(cert), key: readFileSync(key), ALPNProtocols: ['http/1.1'] }
  const server = createTlsServer(options, socket => {
    names.push([socket.servername || undefined, socket.alpnProtocol])
    socket.on('error', () => undefined)
    socket.write('x')
  })
  const port = await listening(t, server)
  const tls = { ca: readFileSync(authority.ca.cert) }
  for (const host of ['localhost', '127.0.0.1']) {
    const connect = connecting({ origin: `https://${host}:${port}`, tls })
    const ask = async (): Promise<boolean> => {
      const socket = (await connect()) as TLSSocket
      t.ok(socket.authorized)
      const reused = socket.isSessionReused()
      await once(socket, 'data')
      socket.destroy()
      return reused
    }
    t.notOk(await ask())
    // The session comes some time behind the handshake.
    await until(ask)
    const name = host === 'localhost' ? host : undefined
    for (const seen of names.splice(0)) t.strictSame(seen, [name, 'http/1.1'])
  }
})
