import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { createVitals } from '../../src/session/vitals.ts'
import { startRedis } from '../fixtures/redis.ts'
import { connect, loginOf, openStore, prefix } from '../fixtures/sessions.ts'
import { startTcpProxy } from '../fixtures/tcp-proxy.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(t)
const { client } = server
const keys = createKeys(prefix)
const redis = await connect(t, server.url)
const store = await openStore(t, server.url)

const login = async () => {
  const created = await store.create(loginOf('alice'))
  if (created.kind !== 'created') throw new Error(created.kind)
  const session = await store.read(created.ticket)
  if (session === undefined) throw new Error('not there')
  return {
    ...created,
    session,
    key: keys.session(created.handle),
    user: keys.user('oidc', 'alice'),
  }
}
const gets = async () => {
  const calls = /cmdstat_get:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]
  await client.config('RESETSTAT')
  return Number(calls ?? 0)
}

t.test('a live session tells its version and its deadline, without the ticket', async t => {
  const { ask } = createVitals({ redis, keys })
  const { session } = await login()
  const life = await ask(session)
  t.match(life, { kind: 'live', version: session.version })
  if (life.kind !== 'live') return
  t.ok(life.idleDeadline > performance.now() + 50_000)
  t.ok(life.idleDeadline <= performance.now() + 60_000)
})

t.test('the deadline is never beyond the absolute one', async t => {
  const { ask } = createVitals({ redis, keys })
  const { session } = await login()
  t.match(await ask({ ...session, absoluteDeadline: 5 }), { idleDeadline: 5 })
})

t.test('FL-05 gone is what has no record, no listing, no lifetime, or another type', async t => {
  const { ask } = createVitals({ redis, keys })
  const ways = [
    (key: string) => client.del(key),
    (_: string, user: string) => client.del(user),
    (_: string, user: string) => client.set(user, 'text'),
    (key: string) => client.persist(key),
    (key: string) => client.multi().del(key).hset(key, 'a', '1').pexpire(key, 9_000).exec(),
  ]
  for (const way of ways) {
    await client.flushall()
    const { session, key, user } = await login()
    await way(key, user)
    t.same(await ask(session), { kind: 'gone' }, String(way))
  }
})

t.test('questions of one turn are one, later ones are new', async t => {
  const { ask } = createVitals({ redis, keys })
  const { session } = await login()
  await gets()
  const first = Promise.all([ask(session), ask(session)])
  await Promise.resolve()
  await Promise.resolve()
  const later = ask(session)
  await Promise.all([first, later])
  t.equal(await gets(), 2)
})

t.test('an answer is younger than every question it serves', async t => {
  const { ask } = createVitals({ redis, keys }, 1)
  const [busy, { session, key }] = [await login(), await login()]
  const before = ask(busy.session)
  await Promise.resolve()
  const queued = ask(session)
  const joined = ask(session)
  t.equal(queued, joined, 'it waits for its turn, so another may join')
  await client.del(key)
  await before
  t.same(await queued, { kind: 'gone' })
})

t.test('no more are on their way than its width, and from a crowd on it is busy', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const slow = await connect(t, `redis://127.0.0.1:${proxy.port}`)
  const vitals = createVitals({ redis: slow, keys }, 8)
  const { session } = await login()
  const asked = Array.from({ length: 1_008 }, (_, i) =>
    vitals.ask({ ...session, handle: String(i) }),
  )
  t.ok(vitals.busy())
  t.ok((await Promise.all(asked)).every(({ kind }) => kind === 'gone'))
  t.notOk(vitals.busy())
})

t.test('a failure is the outage it is, and the next question is asked', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const cut = await connect(t, `redis://127.0.0.1:${proxy.port}`)
  const { ask } = createVitals({ redis: cut, keys }, 1)
  const { session } = await login()
  proxy.refuse()
  proxy.reset()
  await t.rejects(ask(session), { code: 'redis_unavailable' })
  proxy.pass()
  await until(async () => (await ask(session).catch(() => undefined))?.kind === 'live')
})
