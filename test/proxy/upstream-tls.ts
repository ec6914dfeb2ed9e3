import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compile } from '../../src/proxy/plan.ts'
import { tlsOf, wrongWithTls } from '../../src/proxy/upstream-tls.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { configOf } from '../fixtures/config.ts'
import { shortDir } from '../fixtures/short-dir.ts'

t.test('the files of an upstream are read, and only those that it names', async t => {
  const authority = createAuthority(await shortDir(t))
  const { cert, key } = authority.sign('gateway', 'DNS:gateway')
  const tls = { ca: authority.ca.cert, cert, key }
  t.strictSame(Object.keys(tlsOf({ tls })), ['ca', 'cert', 'key'])
  t.strictSame(Object.keys(tlsOf({ tls: { ca: cert } })), ['ca'])
  t.strictSame(tlsOf({ tls: undefined }), {})
  t.equal(wrongWithTls({ tls }), undefined)
  t.throws(() => tlsOf({ tls: { ca: '/nowhere' } }), { code: 'ENOENT' })
})

t.test('what is no certificate or key is a problem of the config, with its place', async t => {
  const dir = await shortDir(t)
  const authority = createAuthority(dir)
  const { cert } = authority.sign('gateway', 'DNS:gateway')
  const other = authority.sign('other', 'DNS:other')
  const nonsense = join(dir, 'nonsense')
  writeFileSync(nonsense, 'nonsense')
  for (const tls of [
    { cert, key: nonsense },
    { cert: nonsense, key: other.key },
    { cert, key: other.key },
  ]) {
    t.match(wrongWithTls({ tls }), /^cannot be used: /)
    const upstreams = { orders: { targets: ['https://orders.test'], tls } }
    const { problems } = compile(configOf([{ path: '/', upstream: 'orders' }], { upstreams }))
    t.match(problems, [{ path: '/upstreams/orders/tls', message: /^cannot be used: / }])
  }
})
