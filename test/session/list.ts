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

t.test('a session is shown without its ticket and without its tokens (AD-03)', async t => {
  const login = loginOf('alice', { sid: 's1', ip: '::1', agent: 'curl/8' })
  const { ticket, handle } = await begin(store, login)
  const shown = await store.show(handle)
  const meta = (await store.read(ticket))?.meta
  if (shown === undefined || meta === undefined) throw new Error('no session')
  const { lastSeen, idleExpires, ...rest } = shown
  t.strictSame(rest, {
    ...{ handle, provider: 'oidc', iss: 'https://login.test', sub: 'alice', sid: 's1' },
    ...{ created: meta.created, expires: meta.expires, ip: '::1', agent: 'curl/8' },
  })
  t.equal(idleExpires, await client.pexpiretime(keys.session(handle)))
  t.equal(lastSeen, idleExpires - 60_000)
  t.ok(lastSeen >= meta.created && lastSeen <= (await store.now()))
  const text = JSON.stringify(shown)
  for (const secret of [ticket, ...Object.values(login.tokens).map(String)]) {
    t.notOk(text.includes(secret))
  }
})

t.test('last seen is when the idle timeout was last started', async t => {
  const { handle } = await begin(store, loginOf('alice'))
  const { created = 0, idleExpires = 0 } = (await store.show(handle)) ?? {}
  await until(async () => (await store.now()) > created + 20)
  await client.pexpireat(keys.session(handle), idleExpires + 10)
  t.equal((await store.show(handle))?.lastSeen, idleExpires + 10 - 60_000)
  await client.pexpireat(keys.session(handle), idleExpires - 1000)
  t.equal((await store.show(handle))?.lastSeen, created, 'never before the beginning')
  await client.pexpireat(keys.session(handle), idleExpires + 50_000)
  const before = await store.now()
  const { lastSeen = 0 } = (await store.show(handle)) ?? {}
  t.ok(lastSeen >= before && lastSeen <= (await store.now()), 'nor in the future')

  const capped = await openStore(t, server.url, { redis, absoluteTimeout: 10_000 })
  const brief = await begin(capped, loginOf('bob'))
  const near = await capped.show(brief.handle)
  t.equal(near?.lastSeen, near?.created)
  t.equal(near?.idleExpires, near?.expires)
})

t.test('what is dead or no handle is not shown', async t => {
  const gone = await begin(store, loginOf('alice'))
  await store.end(gone.handle)
  const unlisted = await begin(store, loginOf('bob'))
  await client.del(keys.user('oidc', 'bob'))
  const corrupt = await begin(store, loginOf('carol'))
  await client.set(keys.session(corrupt.handle), '{"v":999}\n', 'PX', 60_000)
  const over = await begin(store, loginOf('dave'))
  const line = JSON.stringify({
    v: 1,
    provider: 'oidc',
    iss: 'i',
    sub: 'dave',
    created: 1,
    expires: 2,
  })
  await client.set(keys.session(over.handle), `${line}\n`, 'PX', 60_000)
  for (const { handle } of [gone, unlisted, corrupt, over]) {
    t.equal(await store.show(handle), undefined)
  }
  t.equal(await store.show(handleOf(createTicket())), undefined)
  t.equal(await store.show('*'), undefined)
  for (const sub of ['alice', 'bob', 'carol', 'dave']) {
    t.strictSame(await store.list('oidc', sub), [])
  }
})

t.test("a person's sessions are listed, the oldest first, and nobody else's", async t => {
  const handles = []
  for (let i = 0; i < 3; i++) {
    handles.push((await begin(store, loginOf('alice'))).handle)
    const now = await store.now()
    while ((await store.now()) === now);
  }
  await begin(store, loginOf('bob'))
  await begin(store, loginOf('alice', { provider: 'api' }))
  t.strictSame(
    (await store.list('oidc', 'alice')).map(({ handle }) => handle),
    handles,
  )
  t.strictSame(await store.list('oidc', 'nobody'), [])
  await client.set(keys.user('oidc', 'odd'), 'x')
  t.strictSame(await store.list('oidc', 'odd'), [])
})

t.test('listing prunes the members whose record is gone, and no others (SL-11)', async t => {
  const user = keys.user('oidc', 'alice')
  const alive = await begin(store, loginOf('alice'))
  const corrupt = await begin(store, loginOf('alice'))
  await client.set(keys.session(corrupt.handle), 'garbage', 'PX', 60_000)
  const expires = (await store.now()) + 600_000
  const dead = Array.from({ length: 1200 }, (_, i) => i.toString(16).padStart(64, '0'))
  await client.zadd(user, ...dead.flatMap(handle => [expires, handle]))
  t.equal((await store.list('oidc', 'alice')).length, 1)
  t.strictSame((await client.zrange(user, '0', '-1')).sort(), [alive.handle, corrupt.handle].sort())
  await client.del(keys.session(alive.handle), keys.session(corrupt.handle))
  t.strictSame(await store.list('oidc', 'alice'), [])
  t.equal(await client.exists(user), 0)
})

t.test("everybody's sessions are listed, each once, and foreign keys are not", async t => {
  const handles = new Set<string>()
  for (let i = 0; i < 20; i++) {
    handles.add((await begin(store, loginOf(`user ${i % 3}`, { provider: `p${i % 2}` }))).handle)
  }
  const theirs = await openStore(t, server.openUrl, { keys: createKeys('claimcheckX') })
  await begin(theirs, loginOf('alice'))
  await client.set(keys.session('not a handle'), 'x')
  const unlisted = await begin(store, loginOf('unlisted'))
  await client.del(keys.user('oidc', 'unlisted'))
  const listed: string[] = []
  for await (const page of store.listAll()) listed.push(...page.map(({ handle }) => handle))
  t.equal(listed.length, 20)
  t.strictSame(new Set(listed), handles)
  t.notOk(handles.has(unlisted.handle))
})

t.test('a Redis that is away is an error', async t => {
  const away = await startRedis(t, '--appendonly', 'no')
  const there = await openStore(t, away.url)
  const { handle } = await begin(there, loginOf('alice'))
  await away.kill()
  await t.rejects(there.show(handle), { code: 'redis_unavailable' })
  await t.rejects(there.list('oidc', 'alice'), { code: 'redis_unavailable' })
  await t.rejects(there.listAll().next(), { code: 'redis_unavailable' })
  await t.rejects(there.now(), { code: 'redis_unavailable' })
})
