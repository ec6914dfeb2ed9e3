// Who may do what in Redis: the users that we ship have what they need, and no more.
import { writeFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { sessions } from '../../src/cli/sessions.ts'
import { scripts } from '../../src/redis/scripts.ts'
import { startGateway, testFolder } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo, send } from '../fixtures/login-api.ts'
import { startRedis, type User } from '../fixtures/redis.ts'
import { begin, loginOf, openStore } from '../fixtures/sessions.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const server = await startRedis(t)
const prefix = 'claimcheck:'
const session = `${prefix}session:${'a'.repeat(64)}`
const alice = `${prefix}user:oidc:alice`

const connectAs = async (t: Test, user: User): Promise<Redis> => {
  const redis = new Redis(server.urlOf(user), {
    ...{ lazyConnect: true, disableClientInfo: true, enableReadyCheck: false },
  })
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  await redis.connect()
  return redis
}

/** What a command was answered with: `allowed`, or why not. */
const answerTo = async (redis: Redis, command: string): Promise<string> => {
  const [name = '', ...words] = command.split(' ')
  try {
    await redis.call(name, ...words)
    return 'allowed'
  } catch (error) {
    const [kind] = String(error instanceof Error ? error.message : error).split(' ')
    return kind === 'NOPERM' ? 'NOPERM' : 'allowed'
  }
}

/** What nobody but an administrator of the server may do. */
const administration = [
  ...['CONFIG GET *', 'CONFIG SET maxmemory 1', 'FLUSHALL', 'FLUSHDB', 'SWAPDB 0 1', 'SHUTDOWN'],
  ...['KEYS *', 'RANDOMKEY', 'DBSIZE', 'MONITOR', 'SLOWLOG GET', 'SAVE', 'BGSAVE'],
  ...['ACL LIST', 'ACL SETUSER x', 'ACL WHOAMI', 'CLIENT LIST', 'CLIENT KILL TYPE normal'],
  ...['CLIENT PAUSE 1', 'SCRIPT FLUSH', 'SCRIPT LOAD x', 'FUNCTION LIST', 'REPLICAOF NO ONE'],
  ...['PUBLISH __redis__:invalidate x', 'PSUBSCRIBE *', 'SUBSCRIBE other', 'MODULE LIST'],
  ...[`DUMP ${session}`, `RESTORE ${session} 0 x`, `RENAME ${session} b`, `COPY ${session} b`],
  ...[
    `PERSIST ${session}`,
    `MIGRATE h 1 ${session} 0 1`,
    `OBJECT FREQ ${session}`,
    'LATENCY RESET',
  ],
]
/** Keys of nobody, of somebody else on the same server, and of ours that are reserved. */
const foreign = ['a', 'app:session:x', 'claimcheck', 'claimcheck:', `${prefix}revoked:x`]

const refused: Record<User, string[]> = {
  gateway: foreign.flatMap(key => [`GET ${key}`, `SET ${key} x`, `DEL ${key}`, `ZADD ${key} 1 x`]),
  operator: [
    ...foreign.flatMap(key => [`GET ${key}`, `SET ${key} x`, `DEL ${key}`]),
    // It cannot make a session, nor make one last.
    ...[`SET ${session} x`, `ZADD ${alice} 1 x`, `SADD ${prefix}sid:oidc:1 x`],
    ...[`PEXPIRE ${session} 1000`, `PEXPIREAT ${session} 9999999999999`, `PEXPIRE ${alice} 1000`],
    ...['login', 'lease', 'jti', 'limit', 'canary'].map(kind => `GET ${prefix}${kind}:x`),
    ...[`CLIENT TRACKING on`, 'SUBSCRIBE __redis__:invalidate'],
    `EVAL return(redis.call('SET',KEYS[1],1)) 1 ${session}`,
    `EVAL return(redis.call('ZADD',KEYS[1],1,'x')) 1 ${alice}`,
  ],
  revoker: [
    ...foreign.flatMap(key => [`GET ${key}`, `DEL ${key}`]),
    ...[`GET ${session}`, `GETRANGE ${session} 0 9`, `GETDEL ${session}`, `STRLEN ${session}`],
    ...[`EXISTS ${session}`, `PTTL ${session}`, `TYPE ${session}`, `ZRANGE ${alice} 0 -1`],
    ...[`SET ${session} x`, `ZADD ${alice} 1 x`, `PEXPIRE ${session} 1`, 'SCAN 0', 'INFO'],
    ...[`DEL ${prefix}canary:x`, `DEL ${prefix}lease:x`, `DEL ${prefix}ended:oidc:alice`],
    ...[`EVAL return(1) 0`, `EVAL return(redis.call('GET',KEYS[1])) 1 ${session}`],
  ],
}

for (const user of ['gateway', 'operator', 'revoker'] as const) {
  t.test(`${user} may not do what it does not need`, async t => {
    await server.client.set(session, 'x', 'PX', 60_000)
    const redis = await connectAs(t, user)
    for (const command of [...administration, ...refused[user]]) {
      // A script may run, and fails inside when its command is refused.
      const answer = command.startsWith('EVAL return(redis')
        ? await redis.call('EVAL', ...command.split(' ').slice(1)).then(
            () => 'allowed',
            (error: Error) =>
              /NOPERM|user executing the script can't/.test(error.message)
                ? 'NOPERM'
                : error.message,
          )
        : await answerTo(redis, command)
      t.equal(answer, 'NOPERM', command)
    }
  })
}

t.test('without a password there is nothing', async t => {
  for (const password of ['', ':wrong']) {
    const redis = new Redis(server.openUrl.replace('//', `//gateway${password}@`), {
      ...{ lazyConnect: true, retryStrategy: () => null },
    })
    redis.on('error', () => undefined)
    await t.rejects(redis.connect())
  }
})

t.test('revoker ends sessions, of one browser or of a person, and reads none', async t => {
  const store = await openStore(t, server.url)
  const revoker = await connectAs(t, 'revoker')
  const [one, two] = [await begin(store, loginOf('alice')), await begin(store, loginOf('alice'))]
  t.equal(await revoker.del(`${prefix}session:${one.handle}`), 1)
  t.equal(await store.read(one.ticket), undefined)
  t.ok(await store.read(two.ticket))
  t.equal(await revoker.del(alice), 1)
  t.equal(await store.read(two.ticket), undefined)
  t.equal(await revoker.wait(1, 10), 0)
})

t.test('operator does everything that the command line does', async t => {
  const store = await openStore(t, server.url)
  const configFile = `${await testFolder(t)}/claimcheck.yaml`
  await writeFile(configFile, '')
  await server.client.script('FLUSH')
  const lines: string[] = []
  const run = (order: Parameters<typeof sessions>[0]['order']) =>
    sessions(
      { order, configFile, redisUrl: server.urlOf('operator'), json: false, env: {} },
      { out: line => void lines.push(line), err: () => undefined },
    )
  const { handle } = await begin(store, loginOf('alice', { sid: 's1' }))
  await begin(store, loginOf('alice', { sid: 's1' }))
  const selection = { kind: 'user', provider: 'oidc', sub: 'alice' } as const
  t.equal(await run({ kind: 'list' }), 0)
  t.equal(await run({ ...selection, kind: 'list-user' }), 0)
  t.equal(await run({ kind: 'show', handle }), 0)
  t.equal(await run({ kind: 'end', handle }), 0)
  t.equal(lines.at(-1), 'ended 1 session')
  const sid = { kind: 'sid', provider: 'oidc', sid: 's1' } as const
  t.equal(await run({ kind: 'end-many', selection: sid }), 0)
  t.equal(lines.at(-1), 'ended 1 session')
  await begin(store, loginOf('alice'))
  t.equal(await run({ kind: 'end-many', selection }), 0)
  t.equal(lines.at(-1), 'ended 1 session')
  await begin(store, loginOf('bob'))
  t.equal(await run({ kind: 'end-many', selection: { kind: 'all' } }), 0)
  t.equal(lines.at(-1), 'ended 1 session')
})

t.test('gateway has what a gateway needs: no command is refused', async t => {
  const upstream = await startUpstream(t, createLoginApi().answer)
  const token = 'the-admin-token-of-this-test-0123456789'
  await server.client.acl('LOG', 'RESET')
  const gateway = await startGateway(
    t,
    `redis: { url: "${server.url}" }\nsession: { maxPerUser: 2 }\n${routesTo(upstream.url)}`,
    {},
    token,
  )
  await until(() => gateway.log().includes('Redis announces changes'))
  const users = [await login(gateway, 'alice'), await login(gateway, 'alice')]
  users.push(await login(gateway, 'alice'))
  const { cookie } = users.at(-1) ?? { cookie: '' }
  t.equal((await get(gateway, '/api/x', cookie)).status, 200)
  t.equal((await get(gateway, '/auth/sessions', cookie)).status, 200)
  const others = { method: 'DELETE' }
  t.match(await (await get(gateway, '/auth/sessions?except=current', cookie, others)).json(), {
    ended: 1,
  })
  await get(gateway, '/auth/logout', cookie, { method: 'POST' })
  for (const query of ['provider=api&sub=alice', 'provider=api&sid=x', 'all=true']) {
    const response = await send(`${gateway.admin}/sessions?${query}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token}` },
    })
    t.equal(response.status, 200)
  }
  const refusals = await server.client.acl('LOG')
  t.same(refusals, [])
})

t.test('each script runs as gateway, from the first word to the last', async t => {
  const gateway = await connectAs(t, 'gateway')
  for (const [name, { lua }] of Object.entries(scripts)) {
    const commands = [...lua.matchAll(/(?:call|ask|pcall)\('([A-Z]+)'/g)].map(([, word]) => word)
    t.ok(commands.length > 0, name)
    for (const command of new Set(commands)) {
      const words = command === 'TIME' ? [] : [session, '1', '1', '1']
      const keysOnly = /^(?:EXISTS|UNLINK)$/.test(command ?? '')
      const answer = await answerTo(gateway, [command, ...(keysOnly ? [session] : words)].join(' '))
      t.equal(answer, 'allowed', `${name}: ${command}`)
    }
  }
})
