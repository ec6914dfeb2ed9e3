import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { createTicket, handleOf } from '../../src/session/ticket.ts'
import { startRedis } from '../fixtures/redis.ts'
import { begin, connect, loginOf, openStore, prefix } from '../fixtures/sessions.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(t, '--appendonly', 'no')
const { client } = server
const redis = await connect(t, server.url)
const keys = createKeys(prefix)
const store = await openStore(t, server.url, { redis })

t.beforeEach(() => client.flushall())

const none = { ended: 0, replicated: undefined }
const one = { ended: 1, replicated: undefined }

/** All keys but the marks of log-outs. */
const remaining = async () => {
  const names = await client.keys('*')
  return names.filter(name => !name.startsWith('claimcheck:ended:')).sort()
}

t.test('one session ends with all that names it, and without its ticket', async t => {
  const first = await begin(store, loginOf('alice', { sid: 's1' }))
  const second = await begin(store, loginOf('alice', { sid: 's1' }))
  t.strictSame(await store.end(first.handle), one)
  t.equal(await store.read(first.ticket), undefined)
  t.ok(await store.read(second.ticket))
  t.strictSame(await client.zrange(keys.user('oidc', 'alice'), '0', '-1'), [second.handle])
  t.strictSame(await client.smembers(keys.sid('oidc', 's1')), [second.handle])
  t.strictSame(await store.end(first.handle), none, 'ending it again is harmless')
  t.strictSame(await store.end(second.handle), one)
  t.strictSame(await client.keys('*'), [], 'and no mark is left where none was asked for')
})

t.test('one session ends only as it was read, where that is asked for (TK-08)', async t => {
  const { ticket, handle } = await begin(store, loginOf('alice', { sid: 's1' }))
  const loaded = await store.readTokens(ticket)
  if (loaded === undefined) throw new Error('no session')
  const newer = { ...loaded.tokens, accessToken: 'newer' }
  t.equal(await store.replace(ticket, loaded.session, newer, 60_000), 'replaced')
  t.strictSame(await store.endVersion(loaded.session), none)
  t.match(await store.readTokens(ticket), { tokens: newer }, 'the newer one stays')

  const session = await store.read(ticket)
  if (session === undefined) throw new Error('no session')
  await store.touch(session)
  t.strictSame(await store.endVersion(session), one, 'a touch makes no new version')
  t.strictSame(await client.keys('*'), [])
  t.strictSame(await store.endVersion(session), none)
  t.equal(await client.exists(keys.session(handle)), 0)
})

t.test('what is no live session does not count, but goes', async t => {
  t.strictSame(await store.end(handleOf(createTicket())), none)
  t.strictSame(await store.end('*'), none)
  t.strictSame(await store.end(''), none)

  const unlisted = await begin(store, loginOf('alice'))
  await client.del(keys.user('oidc', 'alice'))
  t.strictSame(await store.end(unlisted.handle), none)
  for (const make of [
    () => client.set(keys.session(unlisted.handle), 'garbage', 'PX', 60_000),
    () => client.rpush(keys.session(unlisted.handle), 'x'),
  ]) {
    await make()
    t.strictSame(await store.end(unlisted.handle, { mark: true }), none)
    t.strictSame(await client.keys('*'), [])
  }
})

t.test('listings of another type do not keep a session alive', async t => {
  const { handle } = await begin(store, loginOf('alice', { sid: 's1' }))
  await client.set(keys.user('oidc', 'alice'), 'x')
  await client.set(keys.sid('oidc', 's1'), 'x')
  t.strictSame(await store.end(handle), none)
  t.equal(await client.exists(keys.session(handle)), 0)
  const other = await begin(store, loginOf('bob'))
  t.strictSame(await store.endSid('oidc', 's1'), none)
  t.strictSame(await store.endUser('oidc', 'alice'), none)
  t.ok(await store.read(other.ticket))
})

t.test('a person is logged out everywhere (RV-16)', async t => {
  const sessions = []
  for (const sid of ['s1', 's1', 's2', undefined]) {
    sessions.push(await begin(store, loginOf('alice', { sid })))
  }
  const shared = await begin(store, loginOf('bob', { sid: 's2' }))
  const tenant = await begin(store, loginOf('alice', { provider: 'api' }))
  await client.del(keys.session(sessions[3]?.handle ?? ''))
  t.strictSame(await store.endUser('oidc', 'alice'), { ended: 3, replicated: undefined })
  for (const { ticket } of sessions) t.equal(await store.read(ticket), undefined)
  t.ok(await store.read(shared.ticket))
  t.ok(await store.read(tenant.ticket), 'the same name at another provider (AD-06)')
  t.strictSame(
    await remaining(),
    [
      ...[keys.session(shared.handle), keys.session(tenant.handle)],
      ...[keys.user('oidc', 'bob'), keys.user('api', 'alice'), keys.sid('oidc', 's2')],
    ].sort(),
  )
  t.strictSame(await store.endUser('oidc', 'alice'), none)
})

t.test('one session at the provider ends, by its sid alone (RV-11)', async t => {
  const first = await begin(store, loginOf('alice', { sid: 's1' }))
  const again = await begin(store, loginOf('alice', { sid: 's1' }))
  const second = await begin(store, loginOf('alice', { sid: 's2' }))
  const elsewhere = await begin(store, loginOf('alice', { sid: 's1', provider: 'api' }))
  const vanished = await begin(store, loginOf('alice', { sid: 's1' }))
  await client.del(keys.session(vanished.handle))
  t.strictSame(await store.endSid('oidc', 's1'), { ended: 2, replicated: undefined })
  t.equal(await store.read(first.ticket), undefined)
  t.equal(await store.read(again.ticket), undefined)
  t.ok(await store.read(second.ticket))
  t.ok(await store.read(elsewhere.ticket))
  t.equal(await client.exists(keys.sid('oidc', 's1')), 0)
  t.strictSame(await store.endSid('oidc', 'unknown'), none, 'an unknown sid is a success')
})

t.test('sid and sub together must agree (RV-11)', async t => {
  const alice = await begin(store, loginOf('alice', { sid: 's1' }))
  const bob = await begin(store, loginOf('bob', { sid: 's1' }))
  t.strictSame(await store.endSid('oidc', 's1', 'carol'), none)
  t.strictSame(await store.endSid('oidc', 's1', 'alice'), one)
  t.equal(await store.read(alice.ticket), undefined)
  t.ok(await store.read(bob.ticket))
  t.strictSame(await client.smembers(keys.sid('oidc', 's1')), [bob.handle])
})

t.test('ending one session unlinks no other (SL-10)', async t => {
  const first = await begin(store, loginOf('alice', { sid: 's1' }))
  const second = await begin(store, loginOf('alice', { sid: 's2' }))
  await store.end(first.handle)
  t.strictSame(await store.endUser('oidc', 'alice'), one)
  t.equal(await store.read(second.ticket), undefined)
})

t.test('a person can end all sessions but one (AD-07)', async t => {
  const current = await begin(store, loginOf('alice', { sid: 's1' }))
  await begin(store, loginOf('alice', { sid: 's1' }))
  await begin(store, loginOf('alice', { sid: 's2' }))
  const bob = await begin(store, loginOf('bob'))
  t.strictSame(await store.endOthers('oidc', 'alice', current.handle), {
    ended: 2,
    replicated: undefined,
  })
  t.ok(await store.read(current.ticket))
  t.ok(await store.read(bob.ticket))
  t.strictSame(await client.zrange(keys.user('oidc', 'alice'), '0', '-1'), [current.handle])
  t.equal(await client.exists(keys.sid('oidc', 's2')), 0)
  t.strictSame(await store.endOthers('oidc', 'nobody', current.handle), none)
})

t.test('everybody is logged out, and foreign keys stay (RV-16)', async t => {
  const odd = createKeys('a*[b]?:')
  const theirs = await openStore(t, server.openUrl, { keys: odd })
  const foreign = await begin(store, loginOf('alice'))
  const sessions = []
  for (let i = 0; i < 30; i++) {
    sessions.push(await begin(theirs, loginOf(`user ${i % 7}`, { sid: `s${i % 3}` })))
  }
  await client.del(odd.user('oidc', 'user 0'))
  await client.set(odd.session('not a handle'), 'x')
  await client.set('abb:session:x', 'x')
  const dead = sessions.filter((_, i) => i % 7 === 0).length
  t.strictSame(await theirs.endAll(), { ended: 30 - dead, replicated: undefined })
  for (const { ticket } of sessions) t.equal(await theirs.read(ticket), undefined)
  t.ok(await store.read(foreign.ticket))
  t.strictSame(
    (await client.keys('*')).sort(),
    [
      ...[keys.session(foreign.handle), keys.user('oidc', 'alice')],
      ...[odd.endedAll(), odd.session('not a handle'), 'abb:session:x'],
    ].sort(),
  )
})

t.test('what names a person is literal (AD-05)', async t => {
  const subjects = ['*', '[a-z]*', 'a\nb', 'x:y', 'x', 'a', 'b', 'a%0Ab', '?', '\\*']
  const tickets = new Map<string, string>()
  for (const sub of subjects) {
    tickets.set(sub, (await begin(store, loginOf(sub, { sid: `sid of ${sub}` }))).ticket)
  }
  for (const sub of subjects.slice(0, 4)) {
    t.equal((await store.list('oidc', sub)).length, 1, JSON.stringify(sub))
    const by =
      sub.length % 2 === 0 ? store.endUser('oidc', sub) : store.endSid('oidc', `sid of ${sub}`)
    t.equal((await by).ended, 1, JSON.stringify(sub))
    tickets.delete(sub)
    for (const [other, ticket] of tickets) {
      t.equal((await store.read(ticket))?.meta.sub, other)
    }
  }
})

t.test('ten thousand sessions end in steps that do not block Redis (AD-08)', async t => {
  const user = keys.user('oidc', 'alice')
  const expires = (await store.now()) + 600_000
  const handles = Array.from({ length: 10_000 }, (_, i) => i.toString(16).padStart(64, '0'))
  const line = JSON.stringify({
    v: 1,
    provider: 'oidc',
    iss: 'i',
    sub: 'alice',
    sid: 's1',
    created: 1,
    expires,
  })
  for (let start = 0; start < handles.length; start += 1000) {
    const pipeline = client.pipeline()
    for (const handle of handles.slice(start, start + 1000)) {
      pipeline.set(keys.session(handle), `${line}\n${'x'.repeat(2000)}`, 'PX', 600_000)
      pipeline.zadd(user, expires, handle)
      pipeline.sadd(keys.sid('oidc', 's1'), handle)
    }
    await pipeline.exec()
  }
  const other = await begin(store, loginOf('bob'))
  const monitor = await client.monitor()
  const widths: number[] = []
  const names = new Set<string>()
  monitor.on('monitor', (_time: string, [name = '', ...args]: string[]) => {
    names.add(name.toLowerCase())
    widths.push(args.length)
  })
  t.equal((await store.endUser('oidc', 'alice')).ended, 10_000)
  t.ok(await store.read(other.ticket))
  await until(() => names.has('zscore'))
  monitor.disconnect()
  t.notOk(names.has('keys'))
  t.ok(Math.max(...widths) <= 502, `${Math.max(...widths)}`)
  t.strictSame(await remaining(), [keys.session(other.handle), keys.user('oidc', 'bob')])
})

t.test('a full Redis does not stop an ending, even one that forgot the scripts', async t => {
  const sessions = []
  for (const sub of ['alice', 'bob', 'carol', 'dave', 'dave']) {
    sessions.push(await begin(store, loginOf(sub, { sid: `s of ${sub}` })))
  }
  await client.config('SET', 'maxmemory', '1mb')
  t.teardown(() => client.config('SET', 'maxmemory', '0'))
  await client.script('FLUSH')
  await t.rejects(client.set('x', 'y'), /OOM/)
  t.strictSame(await store.end(sessions[0]?.handle ?? '', { mark: true }), one)
  t.strictSame(await store.endSid('oidc', 's of bob'), one)
  t.strictSame(await store.endUser('oidc', 'carol'), one)
  t.strictSame(await store.endOthers('oidc', 'dave', sessions[4]?.handle ?? ''), one)
  t.strictSame(await store.endAll(), one)
  t.strictSame(await remaining(), [])
})

t.test('a mark that may not be written is an error, and the session has ended', async t => {
  const { ticket, handle } = await begin(store, loginOf('alice'))
  await client.acl('SETUSER', 'poor', 'on', '>x', '~*', '+@all', '-set')
  const poor = await connect(t, server.openUrl.replace('//', '//poor:x@'))
  const theirs = await openStore(t, server.url, { redis: poor })
  await t.rejects(theirs.end(handle, { mark: true }), { code: 'redis_unavailable' })
  t.equal(await store.read(ticket), undefined)
  await t.rejects(theirs.endSid('oidc', 's1'), { code: 'redis_unavailable' }, 'RV-12')
})

t.test('an ending says whether a replica has it too (RV-17)', async t => {
  const master = await startRedis(t, '--repl-diskless-sync-delay', '0')
  const replica = await startRedis(
    t,
    '--appendonly',
    'no',
    '--replicaof',
    '127.0.0.1',
    String(master.port),
  )
  const data = await connect(t, master.url)
  const endings = await connect(t, master.url)
  const there = await openStore(t, master.url, { redis: data, endings })
  await until(async () => {
    const { handle } = await begin(there, loginOf('alice'))
    const { ended, replicated } = await there.end(handle)
    t.equal(ended, 1)
    return replicated && (await replica.client.exists(keys.session(handle))) === 0
  })

  const second = await begin(there, loginOf('alice'))
  replica.pause()
  let waiting = true
  const ending = there.endUser('oidc', 'alice').finally(() => {
    waiting = false
  })
  await until(async () => (await master.client.info('clients')).includes('blocked_clients:1'))
  t.equal(await there.read(second.ticket), undefined)
  t.equal(waiting, true, 'reading does not wait for the replica')
  t.strictSame(await ending, { ended: 1, replicated: false })
  replica.resume()

  const third = await begin(there, loginOf('alice'))
  await t.rejects(
    (await openStore(t, replica.url)).end(third.handle),
    { code: 'redis_unavailable', cause: { message: /READONLY/ } },
    'a replica ends nothing',
  )
})

t.test('a Redis that is away is an error', async t => {
  const away = await startRedis(t, '--appendonly', 'no')
  const there = await openStore(t, away.url)
  const { handle } = await begin(there, loginOf('alice', { sid: 's1' }))
  await away.kill()
  for (const ending of [
    ...[
      there.end(handle),
      there.endOthers('oidc', 'alice', handle),
      there.endUser('oidc', 'alice'),
    ],
    ...[there.endSid('oidc', 's1'), there.endAll()],
  ]) {
    await t.rejects(ending, { code: 'redis_unavailable' })
  }
})
