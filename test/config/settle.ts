import { join } from 'node:path'
import t from 'tap'
import { readText } from '../../src/config/files.ts'
import { settle } from '../../src/config/settle.ts'
import { validate } from '../../src/config/validate.ts'

const configOf = (parts: object) => {
  const result = validate({
    publicUrl: 'https://app.example.com',
    routes: [{ path: '/', upstream: 'http://127.0.0.1:1' }],
    ...parts,
  })
  if (result.kind === 'refused') throw result.problems
  return result.config
}

t.test('file names refer to the folder of the config file', t => {
  const folder = t.testdir({ 'ca.pem': 'PEM', dir: {} })
  const config = configOf({
    log: { audit: 'audit.log' },
    redis: { dataDir: 'data' },
    upstreams: {
      plain: { targets: ['http://127.0.0.1'] },
      a: { targets: ['https://a'], tls: { ca: 'ca.pem', cert: '/no/where', key: 'dir' } },
    },
  })
  t.same(settle(config, { env: {}, folder }), [
    { path: '/upstreams/a/tls/cert', message: 'cannot be read: there is no such file' },
    { path: '/upstreams/a/tls/key', message: 'cannot be read: it is a folder' },
  ])
  t.equal(config.redis.dataDir, join(folder, 'data'))
  t.equal(config.log.audit, join(folder, 'audit.log'))
  t.match(config.upstreams, { a: { tls: { ca: join(folder, 'ca.pem') } } })
  t.end()
})

t.test('LOG_LEVEL overrides the level, but not with nonsense', t => {
  const folder = '/'
  const config = configOf({ log: { level: 'warn' } })
  t.same(settle(config, { env: { LOG_LEVEL: '' }, folder }), [])
  t.equal(config.log.level, 'warn')
  t.same(settle(config, { env: { LOG_LEVEL: 'debug' }, folder }), [])
  t.equal(config.log.level, 'debug')
  t.match(settle(config, { env: { LOG_LEVEL: 'loud' }, folder }), [
    { path: '/log/level', message: /LOG_LEVEL, which must be fatal, error/ },
  ])
  t.end()
})

t.test('a file is read as text, or there is a reason', t => {
  const dir = t.testdir({ bom: '\ufefftext', latin1: Buffer.from([0xe9]) })
  t.same(readText(join(dir, 'bom')), { kind: 'text', text: 'text' })
  t.same(readText(join(dir, 'latin1')), { kind: 'unreadable', reason: 'it is not UTF-8' })
  t.same(readText(join(dir, 'bom', 'x')), { kind: 'unreadable', reason: 'ENOTDIR' })
  t.end()
})
