import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { sessions } from '../../src/cli/sessions.ts'
import { readOrder, type SessionsOptions } from '../../src/cli/sessions-arguments.ts'
import { SetupError } from '../../src/errors.ts'
import { openManagement } from '../../src/session/management.ts'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { begin, loginOf, openStore } from '../fixtures/sessions.ts'
import { shortDir } from '../fixtures/short-dir.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

/** The command as a function on a config; what it prints and answers. */
const commandOf =
  (configFile: string, redisUrl?: string) =>
  async (line: string, options: SessionsOptions & { json?: boolean } = {}) => {
    const { json = false, ...selecting } = options
    const order = readOrder(line.split(' '), selecting)
    if (order.kind === 'misused') throw new Error(order.reason)
    const written = { out: '', err: '' }
    const code = await sessions(
      { order, configFile, redisUrl, json, env: {} },
      {
        out: text => {
          written.out += `${text}\n`
        },
        err: text => {
          written.err += `${text}\n`
        },
      },
    )
    return { code, ...written }
  }

/** A Redis with a store on it, and a config that lacks what only a gateway needs. */
const start = async (t: Test, more = '') => {
  const redis = await startRedis(t)
  const store = await openStore(t, redis.url)
  const folder = t.testdir()
  const file = join(folder, 'claimcheck.yaml')
  writeFileSync(
    file,
    `redis: { url: ${redis.urlOf('operator')} }\nsession: { idleTimeout: 60s, sealSecrets: ["\${UNSET}"] }\n${more}`,
  )
  return { redis, store, folder, file, run: commandOf(file) }
}

t.test('lists, shows and ends while every gateway is down, without their secrets', async t => {
  const { redis, store, run } = await start(t)
  t.same(await run('list'), { code: 0, out: 'no sessions\n', err: '' })
  const client = { ip: '192.0.2.1', agent: 'Firefox' }
  const [one, two] = [
    await begin(store, loginOf('alice', { ...client, sid: 's 1' })),
    await begin(store, loginOf('alice')),
  ]
  const bob = await begin(store, loginOf('bob', { provider: 'api' }))

  const text = await run('list')
  t.equal(text.code, 0)
  const rows = text.out.trimEnd().split('\n')
  t.match(rows.shift(), /^HANDLE +CREATED +LAST SEEN +EXPIRES +PROVIDER +SUB +IP +AGENT$/)
  t.same(rows.map(row => row.slice(0, 64)).sort(), [one, two, bob].map(s => s.handle).sort())
  const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/.source
  const row = rows.find(line => line.startsWith(one.handle))
  t.match(row, new RegExp(`^[0-9a-f]{64}  (?:${time}  ){3}oidc  alice  192\\.0\\.2\\.1  Firefox$`))

  const all = JSON.parse((await run('list', { json: true })).out)
  t.equal(all.sessions.length, 3)
  const hers = JSON.parse((await run('list', { provider: 'oidc', sub: 'alice', json: true })).out)
  t.match(hers, { sessions: [{ sub: 'alice' }, { sub: 'alice' }] })
  const none = await run('list', { provider: 'api', sub: 'alice', json: true })
  t.same(JSON.parse(none.out), { sessions: [] })

  const shown = await run(`show ${one.handle}`)
  t.match(shown.out, `handle      ${one.handle}\nprovider    oidc\n`)
  t.match(shown.out, new RegExp(`^sid {9}s 1$(?:.|\n)*^last seen {3}${time}$`, 'm'))
  const json = await run(`show ${one.handle}`, { json: true })
  t.match(JSON.parse(json.out), { handle: one.handle, ...client, last_seen: Number })
  for (const { out } of [text, shown, json]) t.notOk(out.includes(one.ticket))

  t.match(await run(`end ${one.handle}`), { code: 0, out: 'ended 1 session\n' })
  t.match(await run(`end ${one.handle}`), { code: 0, out: 'ended 0 sessions\n' })
  t.same(await run(`show ${one.handle}`), {
    ...{ code: 1, out: '', err: 'no live session has this handle\n' },
  })
  t.equal(await store.read(one.ticket), undefined)
  t.ok(await store.read(two.ticket))

  const three = await begin(store, loginOf('alice', { sid: 's:2' }))
  t.match(await run('end', { provider: 'oidc', sid: 's:2' }), { out: 'ended 1 session\n' })
  t.equal(await store.read(three.ticket), undefined)
  await begin(store, loginOf('alice'))
  t.match(await run('end', { provider: 'oidc', sub: 'alice' }), { out: 'ended 2 sessions\n' })
  t.ok(await store.read(bob.ticket))
  await begin(store, loginOf('carol'))
  const ended = await run('end', { all: true, json: true })
  t.strictSame(JSON.parse(ended.out), { ended: 2, replicated: null })
  t.same(await redis.client.keys('*:session:*'), [])
})

t.test(
  'to end all sessions of a person costs no more than five commands for each, inside the scripts too',
  async t => {
    const { redis, store, run } = await start(t)
    const asked = async () => {
      const stats = await redis.client.info('stats')
      return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1])
    }
    for (const many of [1, 10, 1000]) {
      await Promise.all(Array.from({ length: many }, () => begin(store, loginOf('alice'))))
      const [before, began] = [await asked(), performance.now()]
      t.match(await run('end', { provider: 'oidc', sub: 'alice' }), {
        out: `ended ${many} session${many === 1 ? '' : 's'}\n`,
      })
      const [took, cost] = [performance.now() - began, (await asked()) - before]
      t.ok(cost <= 40 + 5 * many, `${cost} commands`)
      t.comment(`sessions end, ${many} sessions: ${took.toFixed(0)} ms, ${cost} commands in Redis`)
      t.same(await redis.client.keys('*:session:*'), [])
    }
  },
)

t.test('a log-out by command refuses a login that had begun before it', async t => {
  const { store, run } = await start(t)
  const { handle } = await begin(store, loginOf('alice'))
  const startedAt = await store.now()
  await run(`end ${handle}`)
  t.match(await store.create(loginOf('alice'), { startedAt }), { kind: 'ended' })
})

t.test('what is recorded of a client cannot write on the terminal', async t => {
  const { store, run } = await start(t)
  const sub = 'al\u001b[2Jice\n\u202e'
  const { handle } = await begin(store, loginOf(sub, { agent: '\u009b31mred\u0007' }))
  for (const [line, options] of [
    ['list', {}],
    ['list', { json: true }],
    [`show ${handle}`, {}],
    [`show ${handle}`, { json: true }],
  ] as const) {
    const { out } = await run(line, options)
    t.notMatch(out.replaceAll('\n', ''), /\p{C}/u, line)
    t.match(out, /al\\u001b\[2Jice\\(?:u000a|n)\\u202e/)
  }
  t.match((await run('end', { provider: 'oidc', sub })).out, 'ended 1 session')
})

t.test('AD-08: who ended what is in the audit log, or on standard error', async t => {
  const { store, run, file, folder } = await start(t)
  const { handle } = await begin(store, loginOf('alice'))
  const { err } = await run(`end ${handle}`)
  const line = { audit: true, event: 'sessions_ended', by: 'admin', via: 'cli', account: /./ }
  t.match(JSON.parse(err), { ...line, handle, sub: 'alice', outcome: 'done', ended: 1 })

  writeFileSync(file, `${readFileSync(file, 'utf8')}log: { audit: audit.log }\n`)
  t.equal((await run('end', { provider: 'oidc', sub: 'alice' })).err, '')
  const written = JSON.parse(readFileSync(join(folder, 'audit.log'), 'utf8'))
  t.match(written, { ...line, provider: 'oidc', sub: 'alice', ended: 0 })

  writeFileSync(file, readFileSync(file, 'utf8').replace('audit.log', 'no/such/folder/audit.log'))
  const { code, err: both } = await run('end', { all: true })
  t.equal(code, 0)
  t.match(both, /^note: .*audit.log cannot be written to: ENOENT.*\n\{.*"all":true.*\}\n$/)
})

t.test('whether a replica has it too is said, and is the exit code', async t => {
  const { redis, store, run } = await start(t)
  const replica = await startRedis(t, '--replicaof', '127.0.0.1', String(redis.port))
  await until(async () => {
    await begin(store, loginOf('alice'))
    const { code, out } = await run('end', { provider: 'oidc', sub: 'alice' })
    return code === 0 && /^ended 1 session, confirmed by a replica$/m.test(out)
  })
  await begin(store, loginOf('alice'))
  replica.pause()
  t.match(await run('end', { provider: 'oidc', sub: 'alice' }), {
    ...{ code: 3, out: 'ended 1 session, not confirmed by any replica\n' },
  })
  replica.resume()
})

t.test('a Redis that is away, or refuses, is said in one line', async t => {
  const { redis, file, run } = await start(t)
  await redis.client.acl('SETUSER', 'poor', 'on', '>open-sesame', '~*', '+@all', '-scan', '-eval')
  const poor = `redis://poor:open-sesame@127.0.0.1:${redis.port}`
  await t.rejects(commandOf(file, poor)('list'), { message: /^Redis did not do it: NOPERM.*scan/ })
  await t.rejects(commandOf(file, poor)('end', { all: true }), SetupError)
  const wrong = commandOf(file, poor.replace('open', 'shut'))
  await t.rejects(wrong('list'), { message: /^Redis at (?!.*sesame).* cannot be used: WRONGPASS/ })
  await redis.stop()
  await t.rejects(run('list'), { message: /^Redis at .* cannot be used: .*ECONNREFUSED/ })
  await t.rejects(commandOf(join(t.testdir(), 'none.yaml'))('list'), { message: /no such file/ })
})

t.test(
  'with the embedded Redis it works beside the gateway, and says so when it cannot',
  async t => {
    const dataDir = join(await shortDir(t), 'data')
    const upstream = await startUpstream(t, createLoginApi().answer)
    const yaml = `redis: { dataDir: "${dataDir}" }\n${routesTo(upstream.url)}`
    const gateway = await startGateway(t, yaml)
    const run = commandOf(gateway.file)
    const { cookie } = await login(gateway, 'alice')
    t.equal((await get(gateway, '/api/x', cookie)).status, 200)
    t.match(await run('list', { provider: 'api', sub: 'alice' }), {
      out: / {2}api {2}alice {2}127\.0\.0\.1 {2}/,
    })
    t.match(await run('end', { provider: 'api', sub: 'alice' }), { out: 'ended 1 session\n' })
    await until(async () => (await get(gateway, '/api/x', cookie)).status === 401)
    await gateway.close()
    await t.rejects(run('list'), {
      message: `the embedded Redis in ${dataDir} is not running: it runs as long as the gateway does`,
    })
  },
)

t.test('as a command it prints, and ends with its code', async t => {
  const { store, file } = await start(t)
  const { handle } = await begin(store, loginOf('alice'))
  const program = join(import.meta.dirname, '../../dist/cli/claimcheck.js')
  const command = async (...words: string[]) => {
    const child = spawn(process.execPath, [program, 'sessions', ...words, '--config', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
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
  t.match(await command('list', '--json'), { code: 0, out: `"handle":"${handle}"`, err: '' })
  t.match(await command('end', handle), { code: 0, out: 'ended 1 session\n' })
  t.match(await command('show', handle), { code: 1, out: '', err: /^no live session/ })
  t.match(await command('end'), { code: 2, out: '', err: /^claimcheck: sessions end needs/ })
  const away = await command('list', '--redis', 'redis://127.0.0.1:1')
  t.match(away, {
    code: 1,
    out: '',
    err: /^Redis at redis:\/\/127\.0\.0\.1:1 cannot be used: .*\n$/,
  })
})

t.test('it needs nothing of a gateway but the address', async t => {
  const { redis } = await start(t)
  const redisOf = { dataDir: '/', keyPrefix: 'claimcheck:', commandTimeout: 500 }
  const management = await openManagement({
    redis: { ...redisOf, url: redis.url },
    session: { idleTimeout: 60_000 },
  })
  t.teardown(management.close)
  t.same(await management.list('oidc', 'alice'), [])
})
