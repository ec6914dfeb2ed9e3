import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const root = join(import.meta.dirname, '..')

const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => join(folder, name))
    .sort()

const importsOf = (file: string): string[] =>
  ts
    .preProcessFile(readFileSync(join(root, file), 'utf8'))
    .importedFiles.map(({ fileName }) => fileName)

/** Each may import from those before it; parts on one line may not import one another. */
const layers = [
  ['errors', 'log', 'audit', 'metrics', 'tracing'],
  ['config'],
  ['redis'],
  ['session'],
  ['login', 'proxy'],
  ['http'],
  ['gateway'],
  ['process'],
  ['cli'],
  ['index'],
]

const partOf = (file: string): string =>
  relative('src', file).replace(/\.ts$/, '').split('/')[0] ?? ''

const level = (part: string): number => layers.findIndex(parts => parts.includes(part))

/** A library and the only part that may know of it. */
const homes: Readonly<Record<string, string>> = {
  '@fastify/cookie': 'http',
  ajv: 'config',
  fastify: 'http',
  ioredis: 'redis',
  jose: 'login',
  'openid-client': 'login',
  pino: 'log',
  'prom-client': 'metrics',
  typebox: 'config',
  yaml: 'config',
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

t.test('imports go one way, and each library has one home', t => {
  for (const file of filesIn('src')) {
    const part = partOf(file)
    t.not(level(part), -1, `${file} belongs to a known part`)
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('node:')) continue
      if (specifier.startsWith('.')) {
        const target = partOf(join(dirname(file), specifier))
        const sound = target === part || level(target) < level(part)
        const beside = part === 'errors' || ['log', 'audit', 'metrics', 'tracing'].includes(part)
        t.ok(sound || (beside && level(target) === 0), `${file} may import ${specifier}`)
      } else {
        const home = homes[packageOf(specifier)]
        t.equal(home, part, `${file} may import ${specifier}`)
      }
    }
  }
  t.end()
})

t.test(
  'each source file has a test of its name, is imported by one, or is shown by a named story',
  t => {
    const tested = new Set(
      filesIn('test').flatMap(file =>
        importsOf(file)
          .filter(specifier => specifier.startsWith('.'))
          .map(specifier => join(dirname(file), specifier)),
      ),
    )
    // What only wires others together is shown by a story through real sockets.
    const shownBy: Readonly<Record<string, string>> = {
      'src/cli/claimcheck.ts': 'test/cli/claimcheck.ts',
      'src/gateway/admin-side.ts': 'test/system/reload.ts',
      'src/gateway/captured-refresh.ts': 'test/system/captured-refresh.ts',
      'src/gateway/foundation.ts': 'test/system/workers.ts',
      'src/gateway/kept-login.ts': 'test/system/reload.ts',
      'src/gateway/public-side.ts': 'test/system/reload.ts',
      'src/gateway/serving.ts': 'test/system/tickets.ts',
      'src/config/fixed.ts': 'test/system/reload.ts',
      'src/config/schema-limits.ts': 'test/system/login-limits.ts',
      'src/http/admin.ts': 'test/system/outage.ts',
      'src/http/answer.ts': 'test/system/tickets.ts',
      'src/http/captured-login.ts': 'test/system/tickets.ts',
      'src/http/connections.ts': 'test/system/shutdown.ts',
      'src/http/endpoints.ts': 'test/system/tickets.ts',
      'src/http/event-streams.ts': 'test/system/shutdown.ts',
      'src/http/forwarder.ts': 'test/system/tickets.ts',
      'src/http/login-endpoints.ts': 'test/system/openid.ts',
      'src/http/own-endpoints.ts': 'test/system/tickets.ts',
      'src/http/pipeline.ts': 'test/system/tickets.ts',
      'src/http/presented.ts': 'test/system/openid.ts',
      'src/http/problem.ts': 'test/system/tickets.ts',
      'src/http/proxied.ts': 'test/system/streams.ts',
      'src/http/refuse-raw.ts': 'test/system/corpus.ts',
      'src/http/server.ts': 'test/system/corpus.ts',
      'src/http/slow-clients.ts': 'test/system/slow-clients.ts',
      'src/http/ticket-cookie.ts': 'test/system/tickets.ts',
      'src/login/open.ts': 'test/system/openid.ts',
      'src/proxy/explain.ts': 'test/cli/explain.ts',
      'src/proxy/rules.ts': 'test/cli/explain.ts',
      'src/metrics/cache.ts': 'test/system/metrics.ts',
      'src/metrics/redis.ts': 'test/system/metrics.ts',
      'src/metrics/refreshes.ts': 'test/system/metrics.ts',
      'src/metrics/requests.ts': 'test/system/metrics.ts',
      'src/metrics/upstreams.ts': 'test/system/metrics.ts',
      'src/process/drain.ts': 'test/system/shutdown.ts',
      'src/process/calls.ts': 'test/system/workers.ts',
      'src/process/primary.ts': 'test/system/workers.ts',
      'src/process/spawn.ts': 'test/system/workers.ts',
      'src/process/worker.ts': 'test/system/workers.ts',
      'src/process/workers.ts': 'test/system/workers.ts',
      'src/metrics/workers.ts': 'test/system/workers.ts',
      'src/process/serve.ts': 'test/system/shutdown.ts',
      'src/redis/find.ts': 'test/system/outage.ts',
      'src/process/reload.ts': 'test/system/reload.ts',
      'src/proxy/buffer.ts': 'test/system/tickets.ts',
      'src/proxy/exchange.ts': 'test/system/streaming.ts',
      'src/proxy/request-body.ts': 'test/system/streaming.ts',
      'src/proxy/sink.ts': 'test/system/streaming.ts',
      'src/session/chunks.ts': 'test/session/end.ts',
      'src/session/describe.ts': 'test/session/list.ts',
      'src/session/forget.ts': 'test/session/end.ts',
      'src/session/listed.ts': 'test/session/read.ts',
      'src/session/sessions.ts': 'test/system/outage.ts',
    }
    for (const file of filesIn('src')) {
      const by = shownBy[file] ?? file.replace(/^src/, 'test')
      t.ok(tested.has(file) || filesIn('test').includes(by), `${file} has a test`)
    }
    t.end()
  },
)

t.test('what shares a process shares neither hooks nor folders', t => {
  for (const folder of ['config', 'http', 'login', 'proxy']) {
    t.match(readFileSync(join(root, `test/${folder}.ts`), 'utf8'), `'${folder}'))`)
    for (const file of filesIn(`test/${folder}`)) {
      const text = readFileSync(join(root, file), 'utf8')
      t.notMatch(text, /^(const .*)?\bt\.(?!test\()|^(const .*)?\(t[,)]/m, file)
    }
  }
  t.end()
})
