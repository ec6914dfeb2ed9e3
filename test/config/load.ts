import { join } from 'node:path'
import t from 'tap'
import { type Compile, loadConfig } from '../../src/config/load.ts'
import { pointer } from '../../src/config/problem.ts'

const load = (
  t: Tap,
  source: string | Buffer,
  env: Record<string, string> = {},
  parts: Compile[] = [],
) => {
  const file = join(t.testdir({ 'claimcheck.yaml': source, secret: 's3cret\n' }), 'claimcheck.yaml')
  const loaded = loadConfig(file, env, parts)
  const short = (line: string) => line.replace(file, 'claimcheck.yaml')
  return loaded.kind === 'config'
    ? { ...loaded, notes: loaded.notes.map(short) }
    : { ...loaded, lines: loaded.lines.map(short) }
}
interface Tap {
  testdir(files: Record<string, string | Buffer>): string
}

const sound = `publicUrl: https://app.example.com
redis: { url: redis://redis.internal:6379 }
routes:
  - path: /
    upstream: http://spa.internal:8080
`

t.test('a sound file becomes a config, with notes', t => {
  const loaded = load(t, sound, { LOG_LEVEL: 'debug' })
  t.match(loaded, {
    kind: 'config',
    config: { log: { level: 'debug' }, redis: { dataDir: /^\/.*claimcheck-data$/ } },
    notes: [
      /^claimcheck.yaml:1:1 \/trustedProxies: is empty/,
      /^claimcheck.yaml:1:1 \/log\/level: is for finding a fault/,
      /^claimcheck.yaml:2:10 \/redis\/url: is not TLS/,
      /^claimcheck.yaml:5:5 \/routes\/0\/upstream: is plain http to another machine/,
    ],
  })
  t.end()
})

t.test('a file that cannot be read is one problem', t => {
  t.same(loadConfig('./no/where.yaml', {}), {
    kind: 'problems',
    lines: ['no/where.yaml: cannot be read: there is no such file'],
  })
  t.match(load(t, Buffer.from([0xff])), {
    lines: ['claimcheck.yaml: cannot be read: it is not UTF-8'],
  })
  t.match(load(t, 'a: [1\n'), { lines: [/^claimcheck.yaml:2:1: is not YAML/] })
  t.match(load(t, '- a\n'), { lines: ['claimcheck.yaml:1:1: must be a map of keys'] })
  t.end()
})

t.test('an empty file misses what is required, and asks for nothing more', t => {
  t.match(load(t, ''), {
    lines: [/^claimcheck.yaml \/publicUrl: is missing/, /^claimcheck.yaml \/routes: is missing/],
  })
  t.end()
})

t.test('mistakes of every kind are found at once and told in the order of the file', t => {
  const source = `publicUrl: http://app.example.com
listen: \${LISTEN}
sesion: {}
session:
  idleTimeout: 13h
redis: { url: redis://redis }
redis: { url: redis://redis }
routes:
  - path: /api
    upstream: http://127.0.0.1:3000
    auth: sesion
  - path: /
    upstream: http://127.0.0.1:3000
    pages: true
`
  const part: Compile = ({ routes }) => ({
    problems: routes.map(({ path }, at) => ({
      path: pointer('routes', at, 'path'),
      message: `compiled ${path}`,
    })),
  })
  t.match(load(t, source, {}, [part]), {
    lines: [
      /^claimcheck.yaml:1:1 \/publicUrl: must be https/,
      /^claimcheck.yaml:2:1 \/listen: needs the environment variable LISTEN, which is not set$/,
      /^claimcheck.yaml:3:1 \/sesion: is not a key here; did you mean session\?$/,
      /^claimcheck.yaml:5:3 \/session\/idleTimeout: must not be longer than absoluteTimeout$/,
      /^claimcheck.yaml:7:1 \/redis: is there twice$/,
      /^claimcheck.yaml:11:5 \/routes\/0\/auth: must be session, optional or none$/,
      /^claimcheck.yaml:12:5 \/routes\/1\/path: compiled \/$/,
      /^claimcheck.yaml:14:5 \/routes\/1\/pages: needs oidc or loginPage/,
    ],
  })
  t.end()
})

t.test('CF-06: no line quotes a value, whether it is in the file, the environment or a file', t => {
  const loaded = load(
    t,
    `publicUrl: s3cret
listen: \${SECRET}
authPath: \${file:secret}
admin: { token: s3cret }
redis: { url: s3cret, commandTimeout: s3cret, keyPrefix: "s3cret*" }
session: { cache: s3cret, maxPerUser: s3cret, sealSecrets: [s3cret] }
routes: [{ path: s3cret, upstream: "s3cret:1", capture: { verify: { secret: secret } } }]
`,
    { SECRET: 's3cret' },
  )
  if (loaded.kind === 'config') throw new Error('it has problems')
  t.equal(loaded.lines.length, 15, loaded.lines.join('\n'))
  t.notMatch(loaded.lines.join('\n'), 's3cret')
  t.end()
})
