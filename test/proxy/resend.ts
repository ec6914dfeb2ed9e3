import t from 'tap'
import { errors } from 'undici'
import { isClosed, isSafe, isUnreached } from '../../src/proxy/resend.ts'

const error = (code: string) => Object.assign(new Error(code), { code })

t.test('what failed before there was a connection can go elsewhere', async t => {
  for (const code of [
    'ECONNREFUSED',
    'ENOENT',
    'ENOTFOUND',
    'UND_ERR_CONNECT_TIMEOUT',
    'CERT_HAS_EXPIRED',
  ]) {
    t.ok(isUnreached(error(code)), code)
  }
  t.notOk(isUnreached(new Error('no code')))
  t.notOk(
    isUnreached(new errors.InvalidArgumentError('a header')),
    'not what undici would not send',
  )
  t.notOk(isUnreached(new errors.ClientDestroyedError('closing')))
})

t.test('a connection that was closed differs from an answer that was none', async t => {
  t.ok(isClosed(new errors.SocketError('other side closed')))
  t.ok(isClosed(error('ECONNRESET')))
  t.ok(isClosed(error('EPIPE')))
  t.notOk(isClosed(new errors.SocketError('bad response')))
  t.notOk(isClosed(error('HPE_INVALID_CONSTANT')))
})

t.test('only safe requests without a body are sent twice (PX-12)', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
    t.ok(isSafe({ path: '/', method, body: null }))
    t.ok(isSafe({ path: '/', method }))
    t.notOk(isSafe({ path: '/', method, body: 'x' }))
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'] as const) {
    t.notOk(isSafe({ path: '/', method, body: null }))
  }
})
