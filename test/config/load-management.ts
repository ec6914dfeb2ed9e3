import { join } from 'node:path'
import t from 'tap'
import { loadManagement } from '../../src/config/load-management.ts'

t.test('nothing is needed but what leads to the sessions', t => {
  const folder = t.testdir({
    'a.yaml': `publicUrl: not-even-a-url
admin: { token: "\${ADMIN_TOKEN}" }
trustedProxys: []
redis: { url: "redis://operator:\${PASSWORD}@redis", keyPrefix: "app:" }
session: { idleTimeout: 5m, sealSecrets: ["\${file:/no/such/secret}"], maxPerUser: many }
log: { level: loud, audit: audit.log }
`,
    'b.yaml': '',
    'c.yaml': `redis: { sentinel: { name: m, nodes: ["10.0.0.1:26379"] } }`,
  })
  const { kind, ...rest } = loadManagement(join(folder, 'a.yaml'), { PASSWORD: 'x' })
  t.equal(kind, 'config')
  t.match(rest, {
    config: {
      redis: { url: 'redis://operator:x@redis', keyPrefix: 'app:', commandTimeout: 500 },
      session: { idleTimeout: 300_000 },
      log: { audit: join(folder, 'audit.log') },
    },
  })
  t.match(loadManagement(join(folder, 'b.yaml'), {}), {
    config: {
      redis: { url: undefined, dataDir: join(folder, 'claimcheck-data') },
      session: { idleTimeout: 1_800_000 },
    },
  })
  t.match(loadManagement(join(folder, 'c.yaml'), {}, 'redis://operator:x@any'), {
    config: { redis: { url: 'redis://operator:x@any', sentinel: { name: 'm' } } },
  })
  t.end()
})

t.test('another URL may be given, and keep its password out of the command line', t => {
  const folder = t.testdir({
    'a.yaml': `redis: { url: "redis://gateway:\${PASSWORD}@redis", keyPrefix: "app:" }`,
    operator: 'redis://operator:y@redis\n',
  })
  const file = join(folder, 'a.yaml')
  const redis = { url: 'redis://operator:y@redis', keyPrefix: 'app:' }
  t.match(loadManagement(file, {}, redis.url), { config: { redis } })
  t.match(loadManagement(file, { URL: redis.url }, `\${URL}`), { config: { redis } })
  t.match(loadManagement(file, {}, `\${file:operator}`), { config: { redis } })
  t.same(loadManagement(file, {}, `\${URL}`), {
    kind: 'problems',
    lines: ['--redis: needs the environment variable URL, which is not set'],
  })
  t.match(loadManagement(file, {}, 'http://redis'), {
    lines: [/^--redis: must be redis:\/\//],
  })
  t.end()
})

t.test('what is needed has to be right', t => {
  const folder = t.testdir({
    'a.yaml': `redis: { url: "\${REDIS}", keyprefix: x }\nsession: { idleTimeout: never }\n`,
    'b.yaml': 'redis: [\n',
    'c.yaml': 'redis: { url: "unix:///s", sentinel: { name: m, nodes: ["10.0.0.1:26379"] } }',
    'd.yaml': 'session: { idleTimeout: 13h }',
  })
  const linesOf = (name: string) => {
    const loaded = loadManagement(join(folder, name), {})
    return loaded.kind === 'problems' ? loaded.lines.map(line => line.replace(folder, '')) : []
  }
  t.same(linesOf('a.yaml'), [
    '/a.yaml:1:10 /redis/url: needs the environment variable REDIS, which is not set',
    '/a.yaml:1:27 /redis/keyprefix: is not a key here; did you mean keyPrefix?',
    '/a.yaml:2:12 /session/idleTimeout: must be a duration such as 500ms, 30s, 15m or 12h',
  ])
  t.match(linesOf('b.yaml'), [/^\/b.yaml:\d+:\d+: is not YAML/])
  t.match(linesOf('c.yaml'), [/redis\/url: must be redis:\/\/ or rediss:\/\/ beside sentinel/])
  t.match(linesOf('d.yaml'), [/idleTimeout: must not be longer than absoluteTimeout/])
  t.match(linesOf('e.yaml'), [/e.yaml: cannot be read: there is no such file/])
  t.end()
})
