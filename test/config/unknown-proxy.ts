import t from 'tap'
import { notes } from '../../src/config/notes.ts'
import { isBehindUnknownProxy } from '../../src/config/unknown-proxy.ts'
import { configOf } from '../fixtures/config.ts'

const route = { path: '/', upstream: 'http://127.0.0.1:1', auth: 'none' }
const config = (more: object) =>
  configOf([route], { redis: { url: 'redis://127.0.0.1' }, publicUrl: 'http://localhost', ...more })

t.test('https in front of a gateway without TLS means a proxy; check wants its name', async t => {
  const unknown = config({ publicUrl: 'https://app.example.com' })
  t.equal(isBehindUnknownProxy(unknown), true)
  t.match(notes(unknown), [{ path: '/trustedProxies', message: /name the proxy that ends TLS/ }])
  for (const known of [
    config({}),
    config({ publicUrl: 'https://app.example.com', trustedProxies: ['10.0.0.0/8'] }),
  ]) {
    t.equal(isBehindUnknownProxy(known), false)
    t.strictSame(notes(known), [])
  }
})
