import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readArguments, usage } from '../../src/cli/arguments.ts'
import { check } from '../../src/cli/check.ts'
import { SetupError } from '../../src/errors.ts'

const root = join(import.meta.dirname, '../..')

/** Runs the built command in a folder. */
const run = async (folder: string, ...words: string[]) => {
  const child = spawn(process.execPath, [join(root, 'dist/cli/claimcheck.js'), ...words], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LOG_LEVEL: '', LISTEN: 'x', NOBODY: undefined },
  })
  let [out, err] = ['', '']
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

const sound = `publicUrl: https://app.example.com
redis: { url: redis://redis.internal:6379 }
routes:
  - path: /
    upstream: http://spa.internal:8080
    auth: none
`

t.test('check answers a sound config with one line, and with notes beside it', async t => {
  const folder = t.testdir({ 'claimcheck.yaml': sound })
  t.match(await run(folder, 'check'), {
    code: 0,
    out: 'claimcheck.yaml is sound: 1 route, https://app.example.com on 127.0.0.1:8080\n',
    err: /^note: claimcheck.yaml:1:1 \/trustedProxies: is empty[^\n]+\nnote: claimcheck.yaml:2:10 \/redis\/url: is not TLS[^\n]+\nnote: claimcheck.yaml:5:5 \/routes\/0\/upstream: is plain http [^\n]+\n$/,
  })
})

t.test(
  'CF-01: check tells ten different mistakes in ten lines, each with its place and path',
  async t => {
    const folder = t.testdir({
      'gate.yaml': `publicUrl: http://app.example.com
listen: \${LISTEN}
trustedProxys: []
admin: { token: "\${NOBODY}" }
trustedProxies: ["::ffff:10.0.0.0/8"]
session:
  idleTimeout: 13h
  cacheLease: 1 second
redis: { url: redis://redis }
routes:
  - path: /api
    upstream: http://api.internal:3000
    auth: sesion
  - path: /orders
    upstream: orders
  - path: /login
    methods: [POST]
    upstream: http://127.0.0.1:3000
    auth: none
    capture:
      name: api
      token: /access_token
      verify: { secret: "a-shared-secret-31-bytes-long-x", algorithms: [HS256] }
`,
    })
    const { code, out, err } = await run(folder, 'check', '--config', 'gate.yaml')
    t.same(err.trimEnd().split('\n'), [
      'gate.yaml:1:1 /publicUrl: must be https: only localhost may be http, for development',
      'gate.yaml:2:1 /listen: must be host:port such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080',
      'gate.yaml:3:1 /trustedProxys: is not a key here; did you mean trustedProxies?',
      'gate.yaml:4:10 /admin/token: needs the environment variable NOBODY, which is not set',
      'gate.yaml:5:18 /trustedProxies/0: must not cover every address there is: name your own proxies',
      'gate.yaml:7:3 /session/idleTimeout: must not be longer than absoluteTimeout',
      'gate.yaml:8:3 /session/cacheLease: must be a duration such as 500ms, 30s, 15m or 12h',
      'gate.yaml:13:5 /routes/0/auth: must be session, optional or none',
      'gate.yaml:15:5 /routes/1/upstream: must be a URL, or the name of an entry of upstreams',
      'gate.yaml:23:17 /routes/2/capture/verify/secret: must be at least 32 bytes (RFC 7518 section 3.2)',
    ])
    t.equal(out, '')
    t.equal(code, 1)
  },
)

t.test('serve ends with the same lines before anything listens', async t => {
  const folder = t.testdir({ 'claimcheck.yaml': sound.replace('https', 'ftp') })
  const checked = await run(folder, 'check')
  t.match(checked.err, /^claimcheck.yaml:1:1 \/publicUrl: [^\n]+\n$/)
  t.same(await run(folder, 'serve'), checked)
})

t.test('a missing file is a problem, not a fault', async t => {
  t.same(await run(t.testdir(), 'check'), {
    code: 1,
    out: '',
    err: 'claimcheck.yaml: cannot be read: there is no such file\n',
  })
})

t.test(
  'help and version go to standard output, misuse to standard error with exit code 2',
  async t => {
    const folder = t.testdir()
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    t.same(await run(folder, 'help'), { code: 0, out: usage, err: '' })
    t.same(await run(folder, '--version'), { code: 0, out: `${version}\n`, err: '' })
    t.same(await run(folder, 'start'), {
      code: 2,
      out: '',
      err: `claimcheck: there is no command start\n\n${usage}`,
    })
  },
)

t.test('the command line is read', t => {
  t.same(readArguments(['explain', 'GET', '/x']), {
    command: 'explain',
    configFile: './claimcheck.yaml',
    method: 'GET',
    target: '/x',
  })
  t.same(readArguments(['serve']), { command: 'serve', configFile: './claimcheck.yaml' })
  t.same(readArguments(['--config', 'a.yaml', 'check']), { command: 'check', configFile: 'a.yaml' })
  t.same(readArguments(['check', '-h']), { command: 'help' })
  t.same(readArguments(['--version']), { command: 'version' })
  const misuses: Record<string, string> = {
    '': 'a command is missing',
    explode: 'there is no command explode',
    'check now': 'check takes no now',
    'explain GET': 'explain takes a method and a path',
    'explain GET / /': 'explain takes a method and a path',
    'check --strict': "Unknown option '--strict'",
    'check --config': "Option '--config <value>' argument missing",
    'check --config --help': "Option '--config' argument is ambiguous",
  }
  for (const [line, reason] of Object.entries(misuses)) {
    const words = line.split(' ').filter(word => word !== '')
    t.same(readArguments(words), { command: 'misused', reason }, line)
  }
  t.end()
})

t.test('check throws what is wrong, and counts what is right', t => {
  const folder = t.testdir({
    'a.yaml': `${sound}  - { path: /b, upstream: "http://127.0.0.1:1" }\n`,
    'b.yaml': '',
    'c.yaml': sound,
  })
  const lines: string[] = []
  const output = { out: (line: string) => lines.push(line), err: () => undefined }
  check(join(folder, 'a.yaml'), {}, output)
  check(join(folder, 'c.yaml'), {}, output)
  t.match(lines, [/a.yaml is sound: 2 routes, /, /c.yaml is sound: 1 route, /])
  t.throws(() => check(join(folder, 'b.yaml'), {}, output), SetupError)
  t.end()
})
