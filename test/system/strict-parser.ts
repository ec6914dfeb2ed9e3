// Whoever starts Node with options for servers that read anything starts a gateway that does not.
import t from 'tap'
import { spawnGateway } from '../fixtures/process.ts'
import { startRedis } from '../fixtures/redis.ts'
import { sendRaw, startUpstream } from '../fixtures/upstream.ts'

t.test(
  'what a strict parser refuses is refused under any option of Node (PX-03, HD-04)',
  async t => {
    const redis = await startRedis(t)
    const upstream = await startUpstream(t)
    const gateway = await spawnGateway(
      t,
      `redis: { url: ${redis.url} }\nroutes:\n  - { path: /, upstream: "${upstream.url}", auth: none }\n`,
      { env: { NODE_OPTIONS: '--insecure-http-parser' } },
    )
    const ask = (...lines: string[]) =>
      sendRaw(
        gateway.port,
        ['GET /x HTTP/1.1', 'Host: localhost', 'Connection: close', ...lines, '', ''].join('\r\n'),
      )
    t.match(await ask('X-A: plain'), /^HTTP\/1\.1 200 /)
    const before = upstream.bytes()
    for (const value of ['a\x00b', 'a\x01b', 'a\x0bb', 'a\x7fb']) {
      t.match(await ask(`X-A: ${value}`), /^HTTP\/1\.1 400 /, JSON.stringify(value))
    }
    t.match(await ask('Content-Length: 0', 'Transfer-Encoding: chunked'), /^HTTP\/1\.1 400 /)
    t.equal(upstream.bytes(), before)
  },
)
