import t from 'tap'
import { GatewayError } from '../../src/errors.ts'
import { createSave, type OnChange } from '../../src/login/save.ts'
import { createSealer } from '../../src/session/seal.ts'
import { createStore, type Tokens } from '../../src/session/store.ts'
import { keys } from '../fixtures/login.ts'
import { startRedis } from '../fixtures/redis.ts'

const old: Tokens = { accessToken: 'old', refreshToken: 'rt 1', claims: {} }
const fresh: Tokens = { accessToken: 'new', refreshToken: 'rt 2', claims: {} }
const never: OnChange = () => () => undefined
const outage = () => new GatewayError('redis_unavailable', 'no reply')

t.test('saving new tokens', async t => {
  const { client } = await startRedis(t)
  const store = createStore({
    ...{ redis: client, keys, sealer: createSealer([]) },
    ...{ idleTimeout: 60_000, absoluteTimeout: 60_000, maxPerUser: 0 },
    ...{ atLimit: 'refuse', recordClient: false },
  })
  const login = async () => {
    const person = { provider: 'oidc', iss: 'x', sub: 'alice' }
    const created = await store.create({ ...person, tokenExpires: 1, tokens: old })
    if (created.kind !== 'created') throw new Error(created.kind)
    const loaded = await store.readTokens(created.ticket)
    if (loaded === undefined) throw new Error('not there')
    return { ticket: created.ticket, session: loaded.session }
  }

  await t.test('puts them over those that were read', async t => {
    const { ticket, session } = await login()
    t.equal(await createSave(store, never)(ticket, session, fresh, 30_000), 'replaced')
    const stored = await store.readTokens(ticket)
    t.same(stored?.tokens, fresh)
    const left = (stored?.session.tokenDeadline ?? 0) - performance.now()
    t.ok(left > 20_000 && left <= 30_000)
  })

  await t.test('never over those that somebody else has stored since (TK-07)', async t => {
    const { ticket, session } = await login()
    const other = { ...fresh, accessToken: 'another' }
    await store.replace(ticket, session, other, undefined)
    t.equal(await createSave(store, never)(ticket, session, fresh, undefined), 'stale')
    t.match(await store.readTokens(ticket), { tokens: other })
  })

  await t.test('never brings back a session that has ended', async t => {
    const { ticket, session } = await login()
    await store.end(session.handle)
    t.equal(await createSave(store, never)(ticket, session, fresh, undefined), 'gone')
    t.equal(await client.exists(keys.session(session.handle)), 0)
    const ended = { ...store, replace: async () => 'stale' as const }
    t.equal(await createSave(ended, never)(ticket, session, fresh, undefined), 'gone')
  })

  await t.test('tries again while Redis is away, and knows what it has stored', async t => {
    const { ticket, session } = await login()
    let calls = 0
    const lossy = {
      ...store,
      replace: async (...args: Parameters<typeof store.replace>) => {
        if (++calls <= 2) throw outage()
        const outcome = await store.replace(...args)
        if (calls === 3) throw outage()
        return outcome
      },
    }
    t.equal(await createSave(lossy, never)(ticket, session, fresh, 30_000), 'replaced')
    t.equal(calls, 4, 'the third was stored, but its reply was lost')
    t.match(await store.readTokens(ticket), { tokens: fresh })
  })

  await t.test('tries again at once when Redis is back', async t => {
    const { ticket, session } = await login()
    let listening = 0
    let back: () => void = () => undefined
    const onChange: OnChange = (handle, wake) => {
      t.equal(handle, session.handle)
      listening++
      back = wake
      return () => listening--
    }
    let calls = 0
    const away = {
      ...store,
      replace: async (...args: Parameters<typeof store.replace>) => {
        if (++calls > 1) return store.replace(...args)
        setImmediate(back)
        throw outage()
      },
    }
    const save = createSave(away, onChange, { firstPause: 500_000 })
    t.equal(await save(ticket, session, fresh, 300_000), 'replaced')
    t.equal(listening, 0)
  })

  await t.test('does not take what others have stored for its own', async t => {
    const { ticket, session } = await login()
    const theirs = { ...fresh, refreshToken: 'rt 3' }
    await store.replace(ticket, session, theirs, undefined)
    t.equal(await createSave(store, never)(ticket, session, fresh, undefined), 'stale')
  })

  await t.test('gives up in the end, and at once for what is no outage', async t => {
    const { ticket, session } = await login()
    const down = {
      ...store,
      replace: async () => {
        throw outage()
      },
    }
    const save = createSave(down, never, { patience: 200 })
    await t.rejects(save(ticket, session, fresh, 1), { code: 'redis_unavailable' })
    const broken = {
      ...store,
      replace: async () => {
        throw new Error('a mistake')
      },
    }
    await t.rejects(createSave(broken, never)(ticket, session, fresh, 1), { message: 'a mistake' })
  })
})
