import t from 'tap'
import type { Exchange, Exchanged } from '../../src/login/exchange.ts'
import { createRenew } from '../../src/login/renew.ts'
import { createSealer } from '../../src/session/seal.ts'
import { createStore, type Session, type Tokens } from '../../src/session/store.ts'
import { keys } from '../fixtures/login.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { startRedis } from '../fixtures/redis.ts'

const old: Tokens = { accessToken: 'old', refreshToken: 'rt 1', claims: {} }
const fresh: Tokens = { accessToken: 'new', refreshToken: 'rt 2', claims: {} }

t.test('renewing tokens with the lease in hand', async t => {
  const { client } = await startRedis(t)
  const store = createStore({
    ...{ redis: client, keys, sealer: createSealer([]) },
    ...{ idleTimeout: 60_000, absoluteTimeout: 60_000, maxPerUser: 0 },
    ...{ atLimit: 'refuse', recordClient: false },
  })
  const login = async (tokenExpires: number) => {
    const person = { provider: 'oidc', iss: 'x', sub: 'alice' }
    const created = await store.create({ ...person, tokenExpires, tokens: old })
    if (created.kind !== 'created') throw new Error(created.kind)
    return created
  }
  const { log, lines } = recordLog()
  const onChange = () => () => undefined
  const ended: Session[] = []
  const renew = createRenew({ store, onChange, log, onEnded: session => ended.push(session) })
  const revoked: Tokens[] = []
  const answering = (
    exchanged: Exchanged,
    meanwhile = async () => undefined as unknown,
  ): Exchange => ({
    ...{ refreshBefore: 10_000, timeout: 1_000, ready: async () => true },
    exchange: async () => {
      await meanwhile()
      return exchanged
    },
    revoke: tokens => revoked.push(tokens),
  })
  const tokens = (lifetime: number | undefined): Exchanged => ({
    kind: 'tokens',
    tokens: fresh,
    lifetime,
  })
  const over: Exchanged = { kind: 'over', reason: 'invalid_grant' }
  const never = answering(over, async () => t.fail('the provider was asked'))
  t.beforeEach(() => {
    for (const list of [revoked, ended, lines]) list.splice(0)
  })

  await t.test('does not ask for what somebody else has done, or for who is gone', async t => {
    const { ticket, handle } = await login(60_000)
    t.match(await renew(ticket, never), { outcome: { kind: 'use' }, pause: 0 })
    await store.end(handle)
    t.same(await renew(ticket, never), { outcome: { kind: 'gone' }, pause: 0 })
  })

  await t.test('saves what came before it says so', async t => {
    const { ticket } = await login(0)
    const renewed = await renew(ticket, answering(tokens(60_000)))
    t.match(renewed, {
      outcome: { kind: 'use', session: { bearers: { access_token: 'Bearer new' } } },
      pause: 0,
    })
    t.match(await store.readTokens(ticket), { tokens: fresh })
    const endless = await login(0)
    t.match(await renew(endless.ticket, answering(tokens(undefined))), { outcome: { kind: 'use' } })
  })

  await t.test('pauses when tokens are short-lived, and says so of the dead-born', async t => {
    const { ticket } = await login(0)
    t.match(await renew(ticket, answering(tokens(5_250))), {
      outcome: { kind: 'use' },
      pause: 2_000,
    })
    t.same(lines, [])
    const dead = await login(0)
    t.match(await renew(dead.ticket, answering(tokens(0))), {
      ...{ outcome: { kind: 'unavailable' }, pause: 10_000 },
    })
    t.match(lines, [{ level: 'warn', msg: 'the provider gives tokens that are over at once' }])
  })

  await t.test('gives back what came for a session that ended meanwhile', async t => {
    const { ticket, handle } = await login(0)
    const end = () => client.del(keys.user('oidc', 'alice'))
    t.match(await renew(ticket, answering(tokens(60_000), end)), { outcome: { kind: 'gone' } })
    t.same(revoked, [fresh])
    t.equal(await store.read(ticket), undefined)
    await store.end(handle)
  })

  await t.test("leaves another's newer tokens, and the grant that they share (TK-07)", async t => {
    const { ticket } = await login(0)
    const other = async () => {
      const loaded = await store.readTokens(ticket)
      if (loaded === undefined) throw new Error('gone')
      await store.replace(ticket, loaded.session, { ...fresh, accessToken: 'theirs' }, 60_000)
    }
    t.match(await renew(ticket, answering(tokens(60_000), other)), {
      outcome: { kind: 'use', session: { bearers: { access_token: 'Bearer theirs' } } },
    })
    t.same(revoked, [])
    const slow = await login(0)
    const rival = async () => {
      const loaded = await store.readTokens(slow.ticket)
      if (loaded === undefined) throw new Error('gone')
      await store.replace(slow.ticket, loaded.session, fresh, 60_000)
    }
    t.match(await renew(slow.ticket, answering(over, rival)), { outcome: { kind: 'use' } })
    t.same(ended, [], 'not even invalid_grant ends it then')
  })

  await t.test('keeps a new refresh token with the old access token, if that is all', async t => {
    const rotated: Exchanged = { kind: 'rotated', reason: 'no keys', refreshToken: 'rt 2' }
    const { ticket, handle } = await login(5_000)
    t.match(await renew(ticket, answering(rotated)), { outcome: { kind: 'use' }, pause: 2_000 })
    t.match(await store.readTokens(ticket), {
      session: { tokenDeadline: Number },
      tokens: { accessToken: 'old', refreshToken: 'rt 2' },
    })
    const { tokenDeadline = 0 } = (await store.read(ticket)) ?? {}
    t.ok(tokenDeadline < performance.now() + 5_000, 'it lives no longer for that')
    t.match(lines, [{ level: 'warn', handle, reason: 'no keys' }])
    const late = await login(0)
    t.match(await renew(late.ticket, answering(rotated)), { outcome: { kind: 'unavailable' } })
    t.match(await store.readTokens(late.ticket), { tokens: { refreshToken: 'rt 2' } })
  })

  await t.test(
    'ends the session where the grant is over, or was turned over to somebody else',
    async t => {
      for (const exchanged of [over, { kind: 'foreign', reason: 'bob', tokens: fresh } as const]) {
        const { ticket, handle } = await login(0)
        t.match(await renew(ticket, answering(exchanged)), { outcome: { kind: 'gone' }, pause: 0 })
        t.equal(await client.exists(keys.session(handle)), 0)
        t.match(ended.splice(0), [{ handle }])
      }
      t.same(revoked, [fresh])
      const { ticket, handle } = await login(0)
      const end = () => store.end(handle)
      t.match(await renew(ticket, answering(over, end)), { outcome: { kind: 'gone' } })
      t.same(ended, [], 'who was ended by somebody else is not ended here')
    },
  )

  await t.test('does not end what is saved between its last look and the end (TK-08)', async t => {
    const { ticket } = await login(0)
    const rival = createRenew({
      store: {
        ...store,
        endVersion: async session => {
          await store.replace(ticket, session, fresh, 60_000)
          return store.endVersion(session)
        },
      },
      ...{ onChange, log, onEnded: session => ended.push(session) },
    })
    t.match(await rival(ticket, answering(over)), {
      outcome: { kind: 'use', session: { bearers: { access_token: 'Bearer new' } } },
    })
    t.same(ended, [])
  })

  await t.test('gives the gateway whose lease it took a minute to come back (TK-08)', async t => {
    const { ticket, handle } = await login(0)
    t.same(await renew(ticket, answering(over), true), {
      outcome: { kind: 'unavailable' },
      pause: 60_000,
    })
    t.match(lines, [{ level: 'warn', handle }])
    t.match(await store.readTokens(ticket), { tokens: old })
    t.same(ended, [])
    t.match(await renew(ticket, answering(over)), { outcome: { kind: 'gone' } })
  })

  await t.test('keeps the session whatever else happens', async t => {
    const failed = (retryAfter?: number): Exchanged => ({
      kind: 'failed',
      reason: 'a 500',
      retryAfter,
    })
    const valid = await login(5_000)
    t.match(await renew(valid.ticket, answering(failed())), {
      outcome: { kind: 'use' },
      pause: 2_000,
    })
    t.match(lines, [{ level: 'warn', handle: valid.handle, reason: 'a 500' }])
    const late = await login(0)
    t.match(await renew(late.ticket, answering(failed(7_000))), {
      ...{ outcome: { kind: 'unavailable' }, pause: 7_000 },
    })
    t.match(await store.readTokens(late.ticket), { tokens: old })
  })

  await t.test('says so when new tokens are lost', async t => {
    const { ticket } = await login(0)
    const replace = async () => {
      throw new Error('a mistake')
    }
    const unable = createRenew({ store: { ...store, replace }, onChange, log })
    await t.rejects(unable(ticket, answering(tokens(60_000))), { message: 'a mistake' })
    t.match(lines, [{ level: 'error', msg: /new tokens are lost/ }])
    await unable(ticket, answering(over))
  })
})
