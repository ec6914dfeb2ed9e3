// Certificates of upstreams are verified, whatever the config leaves out (PX-11, CVE-2026-107318).
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { type Certificate, createAuthority } from '../fixtures/certificates.ts'
import { startGateway, testFolder } from '../fixtures/gateway.ts'
import { send } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'

type Test = Parameters<typeof startRedis>[0]

/** An upstream that speaks TLS with this certificate; `bytes` is what reached the application. */
const startTls = async (t: Test, { cert, key }: Certificate, more: ServerOptions = {}) => {
  let bytes = 0
  const server = createServer(
    { cert: readFileSync(cert), key: readFileSync(key), ...more },
    (req, res) => {
      const { authorized } = req.socket as TLSSocket
      res.end(`${req.headers.host} ${authorized}`)
    },
  )
  server.on('secureConnection', socket => {
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { port: address.port, bytes: () => bytes }
}

t.test('only an upstream that shows who it is gets a byte', async t => {
  const dir = await testFolder(t)
  const { ca, selfSigned, sign } = createAuthority(dir)
  const good = sign('good', 'DNS:localhost')
  const client = sign('client', 'DNS:client')
  const upstreams = {
    good: await startTls(t, good),
    selfSigned: await startTls(
      t,
      selfSigned('self', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'),
    ),
    otherName: await startTls(t, sign('other', 'DNS:other.example')),
    expired: await startTls(t, sign('expired', 'DNS:localhost', ['-days', '-1'])),
    wantsClient: await startTls(t, good, {
      ca: readFileSync(ca.cert),
      requestCert: true,
      rejectUnauthorized: true,
    }),
  }
  const own = `tls: { ca: ${ca.cert} }`
  const mutual = `tls: { ca: ${ca.cert}, cert: ${client.cert}, key: ${client.key} }`
  const configured: readonly (readonly [string, keyof typeof upstreams, string, number])[] = [
    ['good', 'good', own, 200],
    ['unknown-authority', 'good', '', 502],
    ['self-signed', 'selfSigned', own, 502],
    ['other-name', 'otherName', own, 502],
    ['expired', 'expired', own, 502],
    ['without-client-certificate', 'wantsClient', own, 502],
    ['with-client-certificate', 'wantsClient', mutual, 200],
  ]
  const redis = await startRedis(t)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }
upstreams:
${configured
  .map(
    ([name, at, tls]) =>
      `  ${name}: { targets: ["https://localhost:${upstreams[at].port}"]${tls && `, ${tls}`} }`,
  )
  .join('\n')}
routes:
${configured.map(([name]) => `  - { path: /${name}, upstream: ${name}, auth: none }`).join('\n')}`,
  )
  for (const [name, at, , status] of configured) {
    const before = upstreams[at].bytes()
    const response = await send(`${gateway.url}/${name}`, { method: 'POST', body: 'secret' })
    t.equal(response.status, status, name)
    const text = await response.text()
    if (status === 200) t.match(text, `localhost:${upstreams[at].port} `)
    else {
      t.equal(upstreams[at].bytes(), before, `${name}: not a byte of it`)
      t.notMatch(text, /certificate|localhost/i, 'and the client learns nothing (HD-09)')
    }
  }
  t.match(gateway.log(), 'CERT_HAS_EXPIRED', 'the operator does')
})
