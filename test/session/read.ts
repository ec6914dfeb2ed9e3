import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { parseRecord } from '../../src/session/record.ts'
import { createSealer } from '../../src/session/seal.ts'
import { createTicket } from '../../src/session/ticket.ts'
import { startRedis } from '../fixtures/redis.ts'
import { begin, connect, loginOf, openStore, prefix } from '../fixtures/sessions.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(t, '--appendonly', 'no')
const { client } = server
const redis = await connect(t, server.url)
const keys = createKeys(prefix)
const store = await openStore(t, server.url, { redis })

t.beforeEach(() => client.flushall())

t.test('a session reads as it was made', async t => {
  const login = loginOf('alice', { sid: 's1', tokenExpires: 5000, ip: '::1', agent: 'curl/8' })
  const before = performance.now()
  const { ticket, handle } = await begin(store, login)
  const sent = performance.now()
  const session = await store.read(ticket)
  const done = performance.now()
  if (session === undefined) throw new Error('no session')
  t.equal(session.handle, handle)
  t.match(session.meta, { provider: 'oidc', sub: 'alice', sid: 's1', ip: '::1', agent: 'curl/8' })
  t.strictSame(session.bearers, {
    access_token: `Bearer ${login.tokens.accessToken}`,
    id_token: `Bearer ${login.tokens.idToken}`,
  })
  t.strictSame(session.scopes, new Set(['openid', 'orders:read']))
  t.strictSame(session.claims, login.tokens.claims)
  t.equal(session.hasRefreshToken, true)
  t.notOk(JSON.stringify(session).includes(login.tokens.refreshToken ?? '?'))
  // Each began between `before` and `sent`; reading took `done - sent`; Redis counts whole milliseconds.
  const between = (value: number, length: number) =>
    t.ok(value >= before + length - (done - sent) - 2 && value <= sent + length + 1, `${value}`)
  between(session.idleDeadline, 60_000)
  between(session.absoluteDeadline, 600_000)
  between(session.tokenDeadline, 5000)

  const all = await store.readTokens(ticket)
  t.strictSame(all?.tokens, login.tokens)
  t.strictSame(all?.session.meta, session.meta)
  t.equal(all?.session.version, session.version)
})

t.test('deadlines are never later than those of Redis, however slow it answers', async t => {
  const { ticket } = await begin(store, loginOf('alice'))
  await client.call('CLIENT', 'PAUSE', '300', 'ALL')
  const sent = performance.now()
  const session = await store.read(ticket)
  t.ok(session && session.idleDeadline <= sent + 60_000)
  t.ok(session && session.absoluteDeadline <= sent + 600_000)
})

t.test('an idle timeout ends it without any further request (SL-04)', async t => {
  const brief = await openStore(t, server.url, { redis, idleTimeout: 50 })
  const { ticket, handle } = await begin(brief, loginOf('alice'))
  while ((await client.pttl(keys.session(handle))) !== -2);
  t.equal(await brief.read(ticket), undefined)
})

t.test('a record past its absolute end is dead even where its key lives on (SL-05)', async t => {
  const brief = await openStore(t, server.url, { redis, absoluteTimeout: 50 })
  const { ticket, handle } = await begin(brief, loginOf('alice'))
  await client.pexpire(keys.session(handle), 60_000)
  await client.persist(keys.user('oidc', 'alice'))
  const { expires } = (await brief.fetch(ticket))?.meta ?? { expires: 0 }
  while ((await store.now()) < expires);
  t.equal(await brief.read(ticket), undefined)
})

t.test('a bare DEL of the record or of the user key ends it (RV-01)', async t => {
  const first = await begin(store, loginOf('alice'))
  const second = await begin(store, loginOf('alice'))
  await client.del(keys.session(first.handle))
  t.equal(await store.read(first.ticket), undefined)
  t.ok(await store.read(second.ticket))
  await client.del(keys.user('oidc', 'alice'))
  t.equal(await store.read(second.ticket), undefined)
  t.equal(await store.readTokens(second.ticket), undefined)
  const session = await store.fetch(second.ticket)
  t.ok(session, 'the record is still there')
  t.equal(session && (await store.listed(session.meta, session.handle)), false)
})

t.test('an unlisted handle ends one session and no other', async t => {
  const first = await begin(store, loginOf('alice'))
  const second = await begin(store, loginOf('alice'))
  await client.zrem(keys.user('oidc', 'alice'), first.handle)
  t.equal(await store.read(first.ticket), undefined)
  t.ok(await store.read(second.ticket))
})

t.test('what is no ticket causes no command (CK-12)', async t => {
  const monitor = await client.monitor()
  const commands: string[] = []
  monitor.on('monitor', (_time: string, args: string[]) => commands.push(args.join(' ')))
  for (const value of ['', '*', '{x}', '../', '%0d%0aDEL', '\0', 'a'.repeat(5120)]) {
    t.equal(await store.read(value), undefined)
    t.equal(await store.readTokens(value), undefined)
    t.equal(await store.fetch(value), undefined)
  }
  t.equal(await store.read(createTicket()), undefined)
  await client.echo('end')
  await until(() => commands.some(command => command.includes('echo end')))
  t.strictSame(
    commands.map(command => command.split(' ')[0]),
    ['get', 'pttl', 'time', 'echo'],
    'a ticket that nobody issued is asked for, in one go',
  )
  monitor.disconnect()
})

t.test('whatever else lies under the key is no session', async t => {
  const { ticket, handle } = await begin(store, loginOf('alice'))
  const key = keys.session(handle)
  const value = (await client.getBuffer(key)) ?? Buffer.alloc(0)
  const put = async (other: Buffer) => client.set(key, other, 'PX', 60_000)
  const flip = (at: number) => {
    const flipped = Buffer.from(value)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    return flipped
  }
  const line = value.indexOf('\n')
  const foreign: Record<string, Buffer> = {
    'a bit in the clear line': flip(line - 2),
    'the newline': flip(line),
    'a bit in the nonce': flip(line + 1),
    'a bit in the tag': flip(line + 13),
    'a bit in the ciphertext': flip(line + 29),
    'version 999': Buffer.from(value.toString('latin1').replace('"v":1', '"v":999'), 'latin1'),
    'the line alone': value.subarray(0, line),
    'half of it': value.subarray(0, value.length >> 1),
    nothing: Buffer.alloc(0),
    garbage: Buffer.from('\0\xff{{{\n\n', 'latin1'),
    'ten megabytes': Buffer.alloc(10_000_000, 'x'),
    'ten megabytes more': Buffer.concat([value, Buffer.alloc(10_000_000)]),
  }
  for (const [what, other] of Object.entries(foreign)) {
    await put(other)
    t.equal(await store.read(ticket), undefined, what)
  }
  await put(value)
  t.ok(await store.read(ticket), 'and the value itself is one')
  await client.persist(key)
  t.equal(await store.read(ticket), undefined, 'without a lifetime')
  for (const make of [
    () => client.rpush(key, 'x'),
    () => client.hset(key, 'x', 'y'),
    () => client.zadd(key, 1, 'x'),
  ]) {
    await client.del(key)
    await make()
    await client.pexpire(key, 60_000)
    t.equal(await store.read(ticket), undefined, await client.type(key))
  }
})

t.test('a record copied under another handle is no session (SL-13)', async t => {
  const alice = await begin(store, loginOf('alice'))
  const bob = await begin(store, loginOf('bob'))
  await client.copy(keys.session(alice.handle), keys.session(bob.handle), 'REPLACE')
  t.equal(await store.fetch(bob.ticket), undefined)
  await client.zadd(keys.user('oidc', 'alice'), 9e12, bob.handle)
  t.equal(await store.read(bob.ticket), undefined)
  t.ok(await store.read(alice.ticket))
})

t.test('a user key of another type lists nobody', async t => {
  const { ticket } = await begin(store, loginOf('alice'))
  await client.set(keys.user('oidc', 'alice'), 'x')
  t.equal(await store.read(ticket), undefined)
})

t.test('equal sessions have nothing equal but what is in clear (SL-13)', async t => {
  const login = loginOf('alice')
  const records = []
  for (let i = 0; i < 2; i++) {
    const { handle } = await begin(store, login)
    records.push(parseRecord((await client.getBuffer(keys.session(handle))) ?? Buffer.alloc(0)))
  }
  const [first, second] = records
  t.ok(first && second)
  t.not(first?.sealed.toString('hex', 0, 12), second?.sealed.toString('hex', 0, 12))
  t.not(first?.sealed.toString('hex', 28), second?.sealed.toString('hex', 28))
})

t.test('seal secrets rotate without ending a session (SL-13)', async t => {
  const of = (...secrets: string[]) =>
    openStore(t, server.url, { redis, sealer: createSealer(secrets) })
  const { ticket } = await begin(await of('old'), loginOf('alice'))
  t.ok(await (await of('new', 'old')).read(ticket))
  t.equal(await (await of('new')).read(ticket), undefined)
})

t.test('claims that would change prototypes change nothing', async t => {
  const claims = JSON.parse('{"sub":"alice","__proto__":{"admin":true},"constructor":1}')
  const tokens = { accessToken: 'a', claims }
  const { ticket } = await begin(store, loginOf('alice', { tokens }))
  const session = await store.read(ticket)
  t.equal(session && Reflect.get(session.claims, 'admin'), undefined)
  t.equal(Reflect.get({}, 'admin'), undefined)
  t.equal(Object.getPrototypeOf(session?.claims), Object.prototype)
})

t.test('a thousand readers at once each get their own session (TK-12, TK-13)', async t => {
  const made = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => ({
      sub: `user ${i}`,
      ...(await begin(store, loginOf(`user ${i}`))),
    })),
  )
  const readings = Array.from({ length: 5 }, () => made).flat()
  const sessions = await Promise.all(readings.map(({ ticket }) => store.read(ticket)))
  t.strictSame(
    sessions.map(session => session?.meta.sub),
    readings.map(({ sub }) => sub),
  )
})

t.test('a Redis that is away is an error, never "no session"', async t => {
  const away = await startRedis(t, '--appendonly', 'no')
  const impatient = await connect(t, away.url, 200)
  const there = await openStore(t, away.url, { redis: impatient })
  const { ticket } = await begin(there, loginOf('alice'))
  away.pause()
  await t.rejects(there.read(ticket), { code: 'redis_unavailable', cause: Error })
  away.resume()
  await away.kill()
  await t.rejects(there.read(ticket), { code: 'redis_unavailable' })
  await t.rejects(
    there.listed({ v: 1, provider: 'p', iss: 'i', sub: 's', created: 1, expires: 1 }, 'h'),
    {
      code: 'redis_unavailable',
    },
  )
})

t.test('a Redis that refuses is an error, never "no session"', async t => {
  const { ticket, handle } = await begin(store, loginOf('alice'))
  await client.acl('SETUSER', 'poor', 'on', '>x', '~*', '+@all', '-get', '-zscore')
  const poor = await connect(t, server.openUrl.replace('//', '//poor:x@'))
  const refused = await openStore(t, server.url, { redis: poor })
  await t.rejects(refused.read(ticket), { code: 'redis_unavailable', cause: { message: /NOPERM/ } })
  await client.acl('SETUSER', 'poor', '+get')
  await t.rejects(refused.read(ticket), { code: 'redis_unavailable', cause: { message: /NOPERM/ } })
  const session = await store.read(ticket)
  if (session === undefined) throw new Error('no session')
  await t.rejects(refused.touch(session), { code: 'redis_unavailable' }, 'nor inside a script')
  await t.rejects(refused.end(handle), { code: 'redis_unavailable' })
})
