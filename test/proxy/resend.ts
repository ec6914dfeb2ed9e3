import t from 'tap'
import { LineError } from '../../src/proxy/line-error.ts'
import { isClosed, isSafe, isUnreached } from '../../src/proxy/resend.ts'

const error = (code: string) => Object.assign(new Error(code), { code })

t.test('what failed before there was a connection can go elsewhere', async t => {
  for (const code of ['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'ETIMEDOUT', 'CERT_HAS_EXPIRED']) {
    t.ok(isUnreached(error(code)), code)
  }
  t.notOk(isUnreached(new Error('no code')))
  t.notOk(isUnreached(new LineError('LINE_REFUSED', 'a header')), 'not what cannot be sent')
  t.notOk(isUnreached(new LineError('LINE_ENDED', 'closing')))
})

t.test('a connection that was closed differs from an answer that was none', async t => {
  t.ok(isClosed(new LineError('LINE_CLOSED', 'the other side closed')))
  t.ok(isClosed(error('ECONNRESET')))
  t.ok(isClosed(error('EPIPE')))
  t.notOk(isClosed(new LineError('LINE_UNASKED', 'bytes')))
  t.notOk(isClosed(new LineError('LINE_MALFORMED', 'two lengths')))
})

t.test('only safe requests without a body are sent twice (PX-12)', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
    t.ok(isSafe({ path: '/', method, headers: [], body: null }))
    t.notOk(isSafe({ path: '/', method, headers: [], body: Buffer.from('x') }))
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'] as const) {
    t.notOk(isSafe({ path: '/', method, headers: [], body: null }))
  }
})
