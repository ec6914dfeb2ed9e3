import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { createTicket, handleOf } from '../../src/session/ticket.ts'
import { startRedis } from '../fixtures/redis.ts'
import { begin, connect, loginOf, openStore, prefix } from '../fixtures/sessions.ts'

const server = await startRedis(t, '--appendonly', 'no')
const { client } = server
const redis = await connect(t, server.url)
const keys = createKeys(prefix)
const open = (options: Parameters<typeof openStore>[2] = {}) =>
  openStore(t, server.url, { redis, ...options })

t.beforeEach(() => client.flushall())

t.test('a session is a record and two listings, each with a lifetime', async t => {
  const store = await open({ idleTimeout: 20_000, absoluteTimeout: 90_000 })
  const before = await store.now()
  const session = loginOf('x:y', { sid: 's*1', tokenExpires: 5000, ip: '::1', agent: 'curl/8' })
  const { ticket, handle } = await begin(store, session)
  const after = await store.now()

  t.equal(handle, handleOf(ticket))
  const [line = ''] = String(await client.get(keys.session(handle))).split('\n')
  const meta = JSON.parse(line)
  t.ok(meta.created >= before && meta.created <= after)
  t.strictSame(meta, {
    ...{ v: 1, provider: 'oidc', iss: 'https://login.test', sub: 'x:y', sid: 's*1' },
    ...{ created: meta.created, expires: meta.created + 90_000 },
    ...{ tokenExpires: meta.created + 5000, ip: '::1', agent: 'curl/8' },
  })
  t.strictSame(await client.zrange('claimcheck:user:oidc:x%3Ay', '0', '-1', 'WITHSCORES'), [
    handle,
    String(meta.expires),
  ])
  t.strictSame(await client.smembers('claimcheck:sid:oidc:s%2A1'), [handle])
  t.equal(await client.pexpiretime('claimcheck:user:oidc:x%3Ay'), meta.expires)
  t.equal(await client.pexpiretime('claimcheck:sid:oidc:s%2A1'), meta.expires)
  const idle = (await client.pexpiretime(keys.session(handle))) - meta.created
  t.ok(idle >= 20_000 && idle < 30_000, `${idle}`)
  t.equal((await client.dbsize()) - 3, 0)
})

t.test('a record never outlives the absolute timeout (SL-05)', async t => {
  const store = await open({ idleTimeout: 90_000, absoluteTimeout: 20_000 })
  const { handle } = await begin(store, loginOf('alice'))
  const [listed] = await store.list('oidc', 'alice')
  t.equal(await client.pexpiretime(keys.session(handle)), listed?.expires)
})

t.test('listings live as long as their last member, and no shorter', async t => {
  const long = await open({ absoluteTimeout: 600_000 })
  const short = await open({ absoluteTimeout: 60_000 })
  const first = await begin(long, loginOf('alice', { sid: 's1' }))
  await short.create(loginOf('alice', { sid: 's1' }))
  const expires = Number(await client.zscore(keys.user('oidc', 'alice'), first.handle))
  t.equal(await client.pexpiretime(keys.user('oidc', 'alice')), expires)
  t.equal(await client.pexpiretime(keys.sid('oidc', 's1')), expires)

  await short.create(loginOf('bob', { sid: 's2' }))
  const later = await begin(long, loginOf('bob', { sid: 's2' }))
  const furthest = Number(await client.zscore(keys.user('oidc', 'bob'), later.handle))
  t.equal(await client.pexpiretime(keys.user('oidc', 'bob')), furthest)
  t.equal(await client.pexpiretime(keys.sid('oidc', 's2')), furthest)
})

t.test('expired members leave the user key with the next login (SL-11)', async t => {
  const store = await open()
  const user = keys.user('oidc', 'alice')
  await client.zadd(user, (await store.now()) - 1, 'a'.repeat(64))
  const { handle } = await begin(store, loginOf('alice'))
  t.strictSame(await client.zrange(user, '0', '-1'), [handle])
})

t.test('what is not known of a client or a token is left out', async t => {
  const store = await open({ recordClient: false })
  const session = loginOf('alice', { sid: '', ip: '::1', agent: 'curl/8' })
  const { handle } = await begin(store, session)
  const line = String(await client.get(keys.session(handle))).split('\n')[0] ?? ''
  t.strictSame(Object.keys(JSON.parse(line)), [
    ...['v', 'provider', 'iss', 'sub', 'created', 'expires'],
  ])
  t.strictSame((await client.keys('*')).sort(), [keys.session(handle), keys.user('oidc', 'alice')])
})

t.test('however strange its numbers and names are, a session can be read', async t => {
  const store = await open()
  for (const tokenExpires of [-5, 0, 1.5, 1e300, Infinity]) {
    const { ticket } = await begin(store, loginOf('alice', { tokenExpires }))
    t.ok(await store.read(ticket), String(tokenExpires))
  }
  const agent = `\n"\\${'\u0007'.repeat(300)}`
  const { ticket } = await begin(store, loginOf('\n\0"', { sid: '\n', agent }))
  t.equal((await store.read(ticket))?.meta.sub, '\n\0"')
})

t.test(
  'a subject that is empty, malformed or endless is refused before Redis learns it',
  async t => {
    const store = await open()
    for (const session of [
      ...[loginOf(''), loginOf('\ud800'), loginOf('a'.repeat(20_000))],
      loginOf('alice', { sid: 'x\udfff' }),
    ]) {
      await t.rejects(store.create(session), { code: 'login_not_readable' })
    }
    t.equal(await client.dbsize(), 0)
  },
)

t.test('a login ends the presented session in the same step (SL-01, SL-03)', async t => {
  const store = await open()
  const old = await begin(store, loginOf('alice', { sid: 's1' }))
  const other = await begin(store, loginOf('alice', { sid: 's1' }))
  const earlier = await begin(store, loginOf('carol'))
  const made = await store.create(loginOf('bob', { sid: 's2' }), {
    presented: [old.handle, earlier.handle, old.handle, handleOf(createTicket()), '*', ''],
  })
  if (made.kind !== 'created') throw new Error(made.kind)
  t.strictSame([...made.replaced].sort(), [old.handle, earlier.handle].sort())
  t.strictSame(made.evicted, [])
  t.equal(await store.read(old.ticket), undefined)
  t.equal(await store.read(earlier.ticket), undefined)
  t.equal((await store.read(other.ticket))?.meta.sub, 'alice')
  t.equal((await store.read(made.ticket))?.meta.sub, 'bob')
  t.strictSame(
    (await client.keys('*')).sort(),
    [
      ...[keys.session(other.handle), keys.session(made.handle)],
      ...[keys.user('oidc', 'alice'), keys.user('oidc', 'bob')],
      ...[keys.sid('oidc', 's1'), keys.sid('oidc', 's2')],
    ].sort(),
  )
  t.strictSame(await client.smembers(keys.sid('oidc', 's1')), [other.handle])
})

t.test('a presented session that is dead is no replaced one', async t => {
  const store = await open()
  const old = await begin(store, loginOf('alice'))
  await client.del(keys.user('oidc', 'alice'))
  const made = await store.create(loginOf('alice'), { presented: [old.handle] })
  t.match(made, { kind: 'created', replaced: [] })
  t.equal(await client.exists(keys.session(old.handle)), 0)
})

t.test('beyond the limit the oldest sessions end (SL-12)', async t => {
  const store = await open({ maxPerUser: 3 })
  const sessions = []
  for (let i = 0; i < 3; i++) {
    sessions.push(await begin(store, loginOf('alice', { sid: `s${i}` })))
    const now = await store.now()
    while ((await store.now()) === now);
  }
  const other = await begin(store, loginOf('bob'))
  const made = await store.create(loginOf('alice', { sid: 's3' }))
  t.match(made, { kind: 'created', evicted: [sessions[0]?.handle], replaced: [] })
  t.equal(await store.read(sessions[0]?.ticket ?? ''), undefined)
  t.ok(await store.read(sessions[1]?.ticket ?? ''))
  t.ok(await store.read(sessions[2]?.ticket ?? ''))
  t.ok(await store.read(other.ticket))
  t.equal(await client.exists(keys.sid('oidc', 's0')), 0)
  t.equal(await client.zcard(keys.user('oidc', 'alice')), 3)

  const stricter = await open({ maxPerUser: 1 })
  const last = await stricter.create(loginOf('alice'))
  t.equal(last.kind === 'created' && last.evicted.length, 3)
  t.equal((await store.list('oidc', 'alice')).length, 1)
})

t.test('a session that was made is not lost by what is tidied up after it', async t => {
  await client.acl('SETUSER', 'poor', 'on', '>x', '~*', '+@all', '-srem')
  const poor = await connect(t, server.openUrl.replace('//', '//poor:x@'))
  const store = await openStore(t, server.url, { redis: poor, maxPerUser: 1 })
  await begin(store, loginOf('alice', { sid: 's1' }))
  const { ticket } = await begin(store, loginOf('alice', { sid: 's2' }))
  t.ok(await store.read(ticket))
})

t.test('or the new one is refused, and nothing changes (SL-12)', async t => {
  const store = await open({ maxPerUser: 2, atLimit: 'refuse' })
  const first = await begin(store, loginOf('alice'))
  const second = await begin(store, loginOf('alice'))
  const other = await begin(store, loginOf('bob'))
  const before = await client.keys('*')
  const refused = await store.create(loginOf('alice'), { presented: [other.handle] })
  t.strictSame(refused, { kind: 'refused' })
  t.strictSame((await client.keys('*')).sort(), before.sort())
  t.ok(await store.read(other.ticket))

  const renewed = await store.create(loginOf('alice'), { presented: [first.handle] })
  t.match(renewed, { kind: 'created', replaced: [first.handle] }, 'what it replaces makes room')
  t.ok(await store.read(second.ticket))
})

t.test('sessions whose record is gone do not count (SL-12)', async t => {
  const store = await open({ maxPerUser: 2, atLimit: 'refuse' })
  const first = await begin(store, loginOf('alice'))
  await store.create(loginOf('alice'))
  await client.del(keys.session(first.handle))
  t.match(await store.create(loginOf('alice')), { kind: 'created' })
  t.equal(await client.zcard(keys.user('oidc', 'alice')), 2)
})

t.test('many logins at once keep the limit', async t => {
  const store = await open({ maxPerUser: 5 })
  await Promise.all(Array.from({ length: 50 }, () => store.create(loginOf('alice'))))
  t.equal((await store.list('oidc', 'alice')).length, 5)
  t.equal(await client.dbsize(), 6)
})

t.test('a login that began before a log-out is refused (RV-14)', async t => {
  const store = await open()
  const startedAt = await store.now()
  const session = loginOf('alice', { sid: 's1' })
  const ending = [
    async () => store.endUser('oidc', 'alice'),
    async () => store.endSid('oidc', 's1'),
    async () => store.endAll(),
    async () => store.end((await begin(store, session)).handle, { mark: true }),
    async () => store.endOthers('oidc', 'alice', (await begin(store, session)).handle),
  ]
  for (const end of ending) {
    await client.flushall()
    const old = await begin(store, loginOf('bob'))
    await end()
    const before = await client.keys('*')
    const beginning = { startedAt, presented: [old.handle] }
    t.strictSame(await store.create(session, beginning), { kind: 'ended' }, String(end))
    t.strictSame((await client.keys('*')).sort(), before.sort(), 'nothing changes')
    const marks = await client.keys('claimcheck:ended:*')
    t.equal(marks.length, 1)
    const life = await client.pttl(marks[0] ?? '')
    t.ok(life > 590_000 && life <= 600_000)
    const now = await store.now()
    while ((await store.now()) === now);
    const later = { startedAt: await store.now() }
    t.match(await store.create(session, later), { kind: 'created' }, 'a later one is not')
  }
})

t.test('a log-out refuses nobody else, and a plain ending nobody at all', async t => {
  const store = await open()
  const startedAt = await store.now()
  await store.endUser('oidc', 'alice')
  await store.endSid('oidc', 's1')
  t.match(await store.create(loginOf('bob', { sid: 's2' }), { startedAt }), { kind: 'created' })
  const elsewhere = loginOf('alice', { provider: 'api', sid: 's1' })
  t.match(await store.create(elsewhere, { startedAt }), { kind: 'created' }, 'another provider')
  const { handle } = await begin(store, loginOf('carol'))
  await store.end(handle)
  t.match(await store.create(loginOf('carol'), { startedAt }), { kind: 'created' })
  t.match(await store.create(loginOf('alice')), { kind: 'created' }, 'nobody knows when it began')
})

t.test('a mark in the very millisecond of the beginning refuses; garbage does not', async t => {
  const store = await open()
  const startedAt = await store.now()
  const mark = keys.ended('oidc', 'alice')
  await client.set(mark, startedAt)
  t.match(await store.create(loginOf('alice'), { startedAt }), { kind: 'ended' })
  t.match(await store.create(loginOf('alice'), { startedAt: startedAt + 1 }), { kind: 'created' })
  for (const value of ['x', '', 'nan']) {
    await client.set(mark, value)
    t.match(await store.create(loginOf('alice'), { startedAt }), { kind: 'created' }, value)
  }
  await client.del(mark)
  await client.sadd(mark, '9'.repeat(13))
  t.match(await store.create(loginOf('alice'), { startedAt }), { kind: 'created' })
})

t.test('a user key of another type makes no half a session', async t => {
  const store = await open()
  await client.set(keys.user('oidc', 'alice'), 'x')
  await t.rejects(store.create(loginOf('alice')), { code: 'redis_unavailable' })
  t.strictSame(await client.keys('*'), [keys.user('oidc', 'alice')])
})

t.test('when Redis is full a login fails, and ends nothing', async t => {
  const store = await open({ maxPerUser: 1 })
  const old = await begin(store, loginOf('alice'))
  await client.zadd(keys.user('oidc', 'alice'), 9e12, 'gone')
  await client.config('SET', 'maxmemory', '1mb')
  t.teardown(() => client.config('SET', 'maxmemory', '0'))
  const before = await client.zrange(keys.user('oidc', 'alice'), '0', '-1')
  const making = store.create(loginOf('alice'), { presented: [old.handle] })
  await t.rejects(making, { code: 'redis_unavailable', cause: { message: /OOM/ } })
  t.ok(await store.read(old.ticket))
  t.strictSame(await client.zrange(keys.user('oidc', 'alice'), '0', '-1'), before)
})
