import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { startRedis } from '../fixtures/redis.ts'
import { begin, connect, loginOf, openStore, prefix } from '../fixtures/sessions.ts'

const server = await startRedis(t, '--appendonly', 'no')
const { client } = server
const redis = await connect(t, server.url)
const keys = createKeys(prefix)
const store = await openStore(t, server.url, { redis })

t.beforeEach(() => client.flushall())

const start = async (login = loginOf('alice')) => {
  const begun = await begin(store, login)
  const session = await store.read(begun.ticket)
  if (session === undefined) throw new Error('no session')
  return { ...begun, session, key: keys.session(begun.handle), user: keys.user('oidc', 'alice') }
}

t.test('a touch starts the idle timeout anew', async t => {
  const { session, key } = await start()
  await client.pexpire(key, 1000)
  t.equal(await store.touch(session), true)
  const life = await client.pttl(key)
  t.ok(life > 50_000 && life <= 60_000, `${life}`)
})

t.test('a touch never reaches past the absolute timeout (SL-05)', async t => {
  const { session, key } = await start()
  const eager = await openStore(t, server.url, { redis, idleTimeout: 9_000_000 })
  t.equal(await eager.touch(session), true)
  t.equal(await client.pexpiretime(key), session.meta.expires)
  const over = { ...session, meta: { ...session.meta, expires: (await store.now()) - 1 } }
  t.equal(await store.touch(over), false)
  t.equal(await client.exists(key), 1)
})

t.test('a touch of a session that is gone says so and makes nothing (SL-08)', async t => {
  const { session, key, user } = await start()
  await client.zrem(user, session.handle)
  await client.pexpire(key, 1000)
  t.equal(await store.touch(session), false, 'unlisted')
  t.ok((await client.pttl(key)) <= 1000)
  await client.zadd(user, session.meta.expires, session.handle)
  await client.del(key)
  t.equal(await store.touch(session), false, 'without a record')
  t.equal(await client.exists(key), 0)
  await client.set(user, 'x')
  t.equal(await store.touch(session), false, 'with a user key of another type')
})

t.test('new tokens take the place of the old; all else stays', async t => {
  const login = loginOf('alice', { sid: 's1', tokenExpires: 5000, ip: '::1', agent: 'a' })
  const { ticket, session, key } = await start(login)
  await client.pexpire(key, 40_000)
  const next = { accessToken: 'next', claims: { sub: 'alice', fresh: true } }
  const before = await store.now()
  t.equal(await store.replace(ticket, session, next, 70_000), 'replaced')
  const after = await store.now()

  const life = await client.pttl(key)
  t.ok(life > 0 && life <= 40_000, 'its lifetime is kept')
  const read = await store.readTokens(ticket)
  t.strictSame(read?.tokens, next)
  const { tokenExpires = 0, ...kept } = read?.session.meta ?? {}
  const { tokenExpires: _, ...meta } = session.meta
  t.strictSame(kept, meta)
  t.ok(tokenExpires >= before + 70_000 && tokenExpires <= after + 70_000)
  t.match(read?.session, { bearers: { access_token: 'Bearer next' }, hasRefreshToken: false })
  t.not(read?.session.version, session.version)

  t.ok(read && (await store.replace(ticket, read.session, next, undefined)) === 'replaced')
  t.equal((await store.read(ticket))?.meta.tokenExpires, undefined)
})

t.test('a late result does not overwrite a newer one (TK-07)', async t => {
  const { ticket, session } = await start()
  const tokens = (accessToken: string) => ({ accessToken, claims: {} })
  t.equal(await store.replace(ticket, session, tokens('newer'), 1000), 'replaced')
  t.equal(await store.replace(ticket, session, tokens('late'), 1000), 'stale')
  t.equal((await store.read(ticket))?.bearers.access_token, 'Bearer newer')

  const [current] = [await store.read(ticket)]
  if (current === undefined) throw new Error('no session')
  const race = Array.from({ length: 20 }, (_, i) =>
    store.replace(ticket, current, tokens(`race-${i}`), 1000),
  )
  const outcomes = await Promise.all(race)
  t.equal(outcomes.filter(outcome => outcome === 'replaced').length, 1)
  t.equal(outcomes.filter(outcome => outcome === 'stale').length, 19)
  const winner = outcomes.indexOf('replaced')
  t.equal((await store.read(ticket))?.bearers.access_token, `Bearer race-${winner}`)
})

t.test('tokens for a session that is gone bring nothing back (SL-08)', async t => {
  const { ticket, session, key, user } = await start()
  const tokens = { accessToken: 'late', claims: {} }
  const value = (await client.getBuffer(key)) ?? ''
  await client.del(key)
  t.equal(await store.replace(ticket, session, tokens, 1000), 'gone')
  t.equal(await client.exists(key), 0)

  await client.set(key, value, 'PX', 60_000)
  await client.zrem(user, session.handle)
  t.equal(await store.replace(ticket, session, tokens, 1000), 'gone', 'unlisted')
  t.same(await client.getBuffer(key), value)

  await client.zadd(user, session.meta.expires, session.handle)
  await client.del(key)
  await client.rpush(key, 'x')
  t.equal(await store.replace(ticket, session, tokens, 1000), 'gone', 'of another type')
  t.equal(await client.type(key), 'list')
})

t.test('a session sealed to another ticket is not replaced', async t => {
  const mine = await start()
  const other = await begin(store, loginOf('alice'))
  const tokens = { accessToken: 'x', claims: {} }
  t.equal(await store.replace(other.ticket, mine.session, tokens, 1000), 'stale')
  t.ok(await store.read(other.ticket))
  t.ok(await store.read(mine.ticket))
})

t.test('when Redis is full a touch works, and a replacement fails and keeps the old', async t => {
  const { ticket, session } = await start()
  await client.config('SET', 'maxmemory', '1mb')
  t.teardown(() => client.config('SET', 'maxmemory', '0'))
  t.equal(await store.touch(session), true)
  const replacing = store.replace(ticket, session, { accessToken: 'x', claims: {} }, 1000)
  await t.rejects(replacing, { code: 'redis_unavailable', cause: { message: /OOM/ } })
  t.equal((await store.read(ticket))?.version, session.version)
})
