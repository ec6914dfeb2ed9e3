import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import { GatewayError } from '../../src/errors.ts'
import type { Exchange } from '../../src/login/exchange.ts'
import { createRefresh, type RefreshParts } from '../../src/login/refresh.ts'
import { openConnection } from '../../src/redis/client.ts'
import type { Session } from '../../src/session/store.ts'
import { createLogin, goToProvider, keys, planOf, publicUrl } from '../fixtures/login.ts'
import { startProvider } from '../fixtures/provider.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

t.test('refreshing', async t => {
  const redis = await startRedis(t)
  const { client } = redis
  const provider = await startProvider(t, { publicUrl })
  const { state } = provider
  const changes = new EventEmitter().setMaxListeners(0)
  let listening = 0

  /** A gateway of its own: another connection, another process as far as refreshing goes. */
  const startGateway = (more: Partial<RefreshParts> = {}, plan = planOf(provider)) => {
    const connection = openConnection(
      { url: redis.url, commandTimeout: 1_000 },
      { lazyConnect: false, enableOfflineQueue: true },
    )
    connection.on('error', () => undefined)
    t.teardown(() => connection.disconnect())
    const gateway = createLogin(connection, plan)
    const counts = { reads: 0, saves: 0 }
    const store: typeof gateway.store = {
      ...gateway.store,
      read: (...args) => {
        counts.reads++
        return gateway.store.read(...args)
      },
      replace: async (...args) => {
        counts.saves++
        const outcome = await gateway.store.replace(...args)
        changes.emit(args[1].handle)
        return outcome
      },
    }
    const ended: string[] = []
    const refresh = createRefresh({
      ...{ redis: connection, keys, store, log: gateway.log, margin: 1_000 },
      backSince: () => Number.NEGATIVE_INFINITY,
      exchanges: new Map([['oidc', gateway.oidc.exchange]]),
      onChange: (handle, wake) => {
        listening++
        changes.on(handle, wake)
        return () => {
          listening--
          changes.off(handle, wake)
        }
      },
      onEnded: session => ended.push(session.handle),
      ...more,
    })
    /** Resolves when it has looked at sessions so many times more. */
    const looked = (times: number) => {
      const { reads } = counts
      return until(() => counts.reads >= reads + times)
    }
    return { ...gateway, store, ...refresh, ended, counts, looked, connection }
  }
  const one = startGateway()
  const two = startGateway()
  /** Resolves when either has looked so many times more: which of the two has the lease, and which waits, is open. */
  const eitherLooked = (times: number) => {
    const both = [one, two].map(({ counts }) => ({ counts, enough: counts.reads + times }))
    return until(() => both.some(({ counts, enough }) => counts.reads >= enough))
  }

  /** A live session whose token lives so many seconds; up to 1 s is over at once. */
  const login = async (seconds: number, through = one) => {
    state.accessTokenLife = seconds
    const { callback, loginCookie } = await goToProvider(through, provider)
    const query = callback.search
    const finished = await through.oidc.finishLogin({
      query,
      loginCookie,
      presentedTicket: undefined,
    })
    state.accessTokenLife = 300
    if (finished.kind !== 'created') throw new Error(finished.reason)
    const { ticket, handle } = finished
    const session = await one.store.read(ticket)
    if (session === undefined) throw new Error('no session')
    state.tokenCalls = []
    return { ticket, handle, session }
  }
  const tokensOf = async (ticket: string) => (await one.store.readTokens(ticket))?.tokens
  /** Holds the provider's answers to refreshes until `release` is called. */
  const hold = () => {
    let release: () => void = () => undefined
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    let reached: () => void = () => undefined
    const atProvider = new Promise<void>(resolve => {
      reached = resolve
    })
    state.after = async path => {
      if (path !== '/token') return
      reached()
      await held
    }
    return { release, atProvider }
  }
  t.afterEach(async () => {
    state.before = async () => undefined
    state.after = async () => undefined
    await Promise.all([one.settle(), two.settle()])
    await until(() => listening === 0)
    await client.flushall()
  })

  await t.test('asks nobody while the token is fresh', async t => {
    const { session, ticket } = await login(300)
    const { refreshIfDue } = startGateway({ redis: new Redis({ lazyConnect: true }) })
    for (let n = 0; n < 100; n++) t.equal(refreshIfDue(session, ticket), 'fresh')
    t.same(state.tokenCalls, [])
  })

  await t.test('that is due happens behind the requests, once (TK-04)', async t => {
    const { session, ticket } = await login(30)
    const before = await tokensOf(ticket)
    const { release, atProvider } = hold()
    for (let n = 0; n < 50; n++) {
      t.equal(one.refreshIfDue(session, ticket), 'fresh', 'nobody waits')
      t.equal(two.refreshIfDue(session, ticket), 'fresh')
    }
    await atProvider
    await eitherLooked(2)
    t.equal(two.refreshIfDue(session, ticket), 'fresh')
    release()
    await until(async () => (await tokensOf(ticket))?.accessToken !== before?.accessToken)
    await Promise.all([one.settle(), two.settle()])
    t.same(state.tokenCalls, [{ grant: 'refresh_token', error: undefined }])
    const after = await tokensOf(ticket)
    t.not(after?.refreshToken, before?.refreshToken, 'both are new (TK-09)')
    t.match(after, { idToken: /^eyJ/, claims: { name: 'The alice' } })
    const renewed = await one.store.read(ticket)
    t.ok(renewed && one.refreshIfDue(renewed, ticket) === 'fresh')
  })

  for (const looks of [0, 2, 5]) {
    await t.test(
      `of 200 requests at two gateways is one, however slow the provider: ${looks} looks (TK-05)`,
      async t => {
        const { session, ticket } = await login(1)
        // Whichever waits for the other looks again now and then.
        const slow = looks > 0 ? eitherLooked(looks) : undefined
        state.before = async path => {
          if (path === '/token') await slow
        }
        const outcomes = await Promise.all(
          Array.from({ length: 200 }, (_, n) => (n % 2 ? one : two).refreshIfDue(session, ticket)),
        )
        const bearers = new Set(
          outcomes.map(outcome =>
            outcome !== 'fresh' && outcome.kind === 'use'
              ? outcome.session.bearers.access_token
              : 'none',
          ),
        )
        const { accessToken } = (await tokensOf(ticket)) ?? {}
        t.same([...bearers], [`Bearer ${accessToken}`], 'everybody has the new token')
        t.not(session.bearers.access_token, `Bearer ${accessToken}`)
        t.same(state.tokenCalls, [{ grant: 'refresh_token', error: undefined }])
      },
    )
  }

  await t.test(
    'goes on when those who waited are gone, and survives the next (rotation)',
    async t => {
      const { session, ticket } = await login(1)
      const { release, atProvider } = hold()
      // Nobody awaits it, as when the client has left.
      void one.refreshIfDue(session, ticket)
      await atProvider
      release()
      await one.settle()
      for (let round = 0; round < 3; round++) {
        const { refreshToken: used } = (await tokensOf(ticket)) ?? {}
        await client.del(keys.limit('refresh', session.handle))
        const stale: Session = { ...session, tokenDeadline: 0 }
        const exchange: Exchange = { ...one.oidc.exchange, refreshBefore: 3_600_000 }
        const eager = startGateway({ exchanges: new Map([['oidc', exchange]]) })
        t.match(await eager.refreshIfDue(stale, ticket), { kind: 'use' })
        t.not((await tokensOf(ticket))?.refreshToken, used)
      }
      t.same(
        state.tokenCalls.map(({ error }) => error),
        [undefined, undefined, undefined, undefined],
      )
    },
  )

  await t.test('does not bring back a session that ended meanwhile (RV-14)', async t => {
    const { session, ticket, handle } = await login(1)
    const { release, atProvider } = hold()
    const waiting = [one, two].map(({ refreshIfDue }) => refreshIfDue(session, ticket))
    await atProvider
    await client.del(keys.session(handle))
    const known = state.revocations.length
    release()
    t.same(await Promise.all(waiting), [{ kind: 'gone' }, { kind: 'gone' }])
    t.same(await client.keys(keys.everySession), [])
    await until(() => state.revocations.length > known)
    t.match(
      state.revocations.at(-1),
      { token_type_hint: 'refresh_token' },
      'what came is given back',
    )
  })

  await t.test(
    'ends the session when the provider says that its grant is over (TK-08)',
    async t => {
      const { session, ticket, handle } = await login(1)
      const { refreshToken = '' } = (await tokensOf(ticket)) ?? {}
      one.oidc.revoker.revoke({ accessToken: '', refreshToken })
      await one.oidc.settle()
      const outcomes = await Promise.all([one, two].map(gate => gate.refreshIfDue(session, ticket)))
      t.same(outcomes, [{ kind: 'gone' }, { kind: 'gone' }])
      t.equal(await client.exists(keys.session(handle)), 0)
      t.same([...one.ended, ...two.ended], [handle], 'and says so once')
      t.match(state.tokenCalls, [{ error: 'invalid_grant' }])
    },
  )

  await t.test('leaves the session of whoever was faster (TK-08)', async t => {
    const { session, ticket, handle } = await login(1)
    const { release, atProvider } = hold()
    const first = one.refreshIfDue(session, ticket)
    await atProvider
    // As if the first had outlived its lease, and the second had read the old tokens before the first saved.
    await client.del(keys.lease(handle))
    state.after = async () => undefined
    let reads = 0
    const late = startGateway({
      store: {
        ...two.store,
        readTokens: async (...args) => {
          const loaded = await two.store.readTokens(...args)
          if (++reads === 1) {
            release()
            await first
          }
          return loaded
        },
      },
    })
    const second = await late.refreshIfDue(session, ticket)
    t.match(state.tokenCalls, [{ error: undefined }, { error: 'invalid_grant' }])
    t.match(second, { kind: 'use' })
    t.match(await first, { kind: 'use' })
    t.ok(await one.store.read(ticket), 'the session lives')
    t.same(late.ended, [])
  })

  await t.test('is taken over when its holder is killed (TK-06)', async t => {
    const { session, ticket, handle } = await login(1)
    await client.set(keys.lease(handle), 'a gateway that is dead', 'PX', 600)
    t.match(await one.refreshIfDue(session, ticket), { kind: 'use' })
    t.equal(state.tokenCalls.length, 1)
  })

  await t.test('is waited for within a bound, then taken from who is silent (TK-06)', async t => {
    const { session, ticket, handle } = await login(1)
    await client.set(keys.lease(handle), 'a gateway that is dead', 'PX', 600_000)
    const quick = startGateway({ margin: 200 }, planOf(provider, { timeout: 300 }))
    t.same(await quick.refreshIfDue(session, ticket), { kind: 'unavailable' })
    t.ok(await one.store.read(ticket), 'the session is kept')
    await quick.settle()
    let outcome: unknown
    await until(async () => {
      outcome = await quick.refreshIfDue(session, ticket)
      return state.tokenCalls.length > 0
    })
    t.match(outcome, { kind: /^(use|unavailable)$/ })
    await quick.settle()
    t.match(await quick.refreshIfDue(session, ticket), { kind: 'use' })
    t.same(state.tokenCalls, [{ grant: 'refresh_token', error: undefined }])
    t.equal(await client.exists(keys.lease(handle)), 0)
  })

  await t.test('is watched behind the requests while the old token is valid', async t => {
    const { session, ticket, handle } = await login(30)
    await client.set(keys.lease(handle), 'a gateway that is dead', 'PX', 600_000)
    const quick = startGateway({ margin: 200 }, planOf(provider, { timeout: 300 }))
    t.equal(quick.refreshIfDue(session, ticket), 'fresh')
    await until(() => state.tokenCalls.length === 1)
    await quick.settle()
    t.match(await one.store.read(ticket), { tokenDeadline: Number })
    t.not((await one.store.read(ticket))?.version, session.version)
  })

  await t.test('does not keep the process from ending while another is at it', async t => {
    const { session, ticket, handle } = await login(30)
    await client.set(keys.lease(handle), 'another', 'PX', 600_000)
    t.equal(one.refreshIfDue(session, ticket), 'fresh')
    await one.looked(1)
    await one.settle()
    t.same(state.tokenCalls, [])
  })

  await t.test('by another wakes those who wait', async t => {
    const { session, ticket, handle } = await login(1)
    await client.set(keys.lease(handle), 'another', 'PX', 60_000)
    const waiting = one.refreshIfDue(session, ticket)
    await until(() => listening === 1)
    const loaded = await two.store.readTokens(ticket)
    if (loaded === undefined) throw new Error('no session')
    const tokens = { ...loaded.tokens, accessToken: 'from-the-other' }
    t.equal(await two.store.replace(ticket, loaded.session, tokens, 300_000), 'replaced')
    t.match(await waiting, {
      kind: 'use',
      session: { bearers: { access_token: 'Bearer from-the-other' } },
    })
  })

  await t.test('keeps its new tokens through an outage of Redis', async t => {
    const { session, ticket } = await login(1)
    const { release, atProvider } = hold()
    const patient = startGateway({ margin: 10_000 })
    const waiting = patient.refreshIfDue(session, ticket)
    await atProvider
    await redis.kill()
    release()
    await until(() => patient.counts.saves >= 2)
    await redis.start()
    t.match(await waiting, { kind: 'use' }, 'nobody was answered before they were saved')
    const { accessToken } = (await tokensOf(ticket)) ?? {}
    t.match(await waiting, { session: { bearers: { access_token: `Bearer ${accessToken}` } } })
    t.equal(state.tokenCalls.length, 1)
  })

  await t.test('survives an outage of Redis that is longer than a refresh (TK-06)', async t => {
    const { session, ticket, handle } = await login(1)
    const { release, atProvider } = hold()
    const plan = planOf(provider, { timeout: 1_000 })
    const rival = startGateway({ margin: 2_000 }, plan)
    let isBack = false
    const first = startGateway({ margin: 2_000 }, plan)
    const { replace } = first.store
    // It has the new tokens, and is the last to reach Redis again.
    first.store.replace = async (...args) => {
      if (!isBack) throw new GatewayError('redis_unavailable', 'not back')
      return replace(...args)
    }
    const refreshed = first.refreshIfDue(session, ticket)
    await atProvider
    redis.pause()
    release()
    await t.rejects(Promise.resolve(rival.refreshIfDue(session, ticket)))
    // Nothing but the clock says that the time of a refresh is over.
    await sleep(3_500)
    redis.resume()
    await until(() => rival.connection.status === 'ready')

    const asked = Promise.resolve(rival.refreshIfDue(session, ticket))
    await rival.looked(3)
    isBack = true
    changes.emit(handle)
    t.match(await asked, { kind: 'use' })
    t.same(await refreshed, { kind: 'unavailable' }, 'nobody waited longer than the bound')
    t.same(state.tokenCalls, [{ grant: 'refresh_token', error: undefined }], 'nobody asked again')
    t.same([...first.ended, ...rival.ended], [])
    t.not((await one.store.read(ticket))?.version, session.version)
    await until(async () => (await client.exists(keys.lease(handle))) === 0)
  })

  await t.test('does not begin a second time where Redis has lost the lease', async t => {
    const { session, ticket, handle } = await login(1)
    const { release, atProvider } = hold()
    const first = one.refreshIfDue(session, ticket)
    await atProvider
    await client.del(keys.lease(handle))
    // As after a fail-over, from which everybody has just come back.
    let back = performance.now() + 60_000
    const rival = startGateway({ backSince: () => back })
    const second = rival.refreshIfDue(session, ticket)
    await rival.looked(2)
    changes.emit(handle)
    await until(async () => (await client.exists(keys.lease(handle))) === 1)
    back = Number.NEGATIVE_INFINITY
    await rival.looked(2)
    release()
    t.match(await Promise.all([first, second]), [{ kind: 'use' }, { kind: 'use' }])
    t.same(state.tokenCalls, [{ grant: 'refresh_token', error: undefined }])
    t.equal(await client.exists(keys.lease(handle)), 0, 'it is not taken again when all is done')
  })

  await t.test('keeps the session while the provider is down (FL-07)', async t => {
    const over = await login(1)
    const valid = await login(30)
    const before = await tokensOf(over.ticket)
    await provider.stop()
    t.same(await one.refreshIfDue(over.session, over.ticket), { kind: 'unavailable' })
    t.equal(one.refreshIfDue(valid.session, valid.ticket), 'fresh', 'a valid token is used on')
    await one.settle()
    t.same(await tokensOf(over.ticket), before)
    t.match(one.lines.at(-1), { msg: 'a session could not be refreshed; it is kept' })
    await provider.start()
    await until(async () => {
      const outcome = await one.refreshIfDue(over.session, over.ticket)
      return outcome !== 'fresh' && outcome.kind === 'use'
    })
  })

  await t.test('keeps the session while the provider was never seen', async t => {
    const { session, ticket, handle } = await login(1)
    await provider.stop()
    const fresh = startGateway()
    t.same(await fresh.refreshIfDue(session, ticket), { kind: 'unavailable' })
    t.equal(await client.exists(keys.lease(handle)), 0, 'no lease is taken for it')
    const valid: Session = { ...session, tokenDeadline: performance.now() + 30_000 }
    t.equal(fresh.refreshIfDue(valid, ticket), 'fresh')
    await fresh.settle()
    t.equal(fresh.refreshIfDue(valid, ticket), 'fresh')
    await fresh.settle()
    const asked = fresh.lines.filter(({ msg }) => msg === 'the provider cannot be discovered')
    t.ok(asked.length <= 2)
    await provider.start()
  })

  await t.test('does not make each request a token call (TK-10)', async t => {
    const { session, ticket } = await login(1)
    state.accessTokenLife = 1
    const outcomes = []
    for (let n = 0; n < 100; n++)
      outcomes.push(await (n % 2 ? one : two).refreshIfDue(session, ticket))
    t.equal(state.tokenCalls.length, 1)
    t.same(outcomes, Array(100).fill({ kind: 'unavailable' }), 'no request goes with an old token')
    t.ok(await one.store.read(ticket))

    const short = await login(5)
    state.accessTokenLife = 5
    for (let n = 0; n < 100; n++) {
      t.equal(one.refreshIfDue(short.session, short.ticket), 'fresh')
      await one.settle()
    }
    t.equal(state.tokenCalls.length, 1, 'nor when tokens live shorter than refreshBefore')
  })

  await t.test('is not possible without a refresh token, or for another provider', async t => {
    const { session, ticket } = await login(300)
    const now = performance.now()
    const without: Session = { ...session, hasRefreshToken: false }
    t.equal(one.refreshIfDue({ ...without, tokenDeadline: now + 5_000 }, ticket), 'fresh')
    t.same(await one.refreshIfDue({ ...without, tokenDeadline: now }, ticket), { kind: 'gone' })
    const captured: Session = { ...session, meta: { ...session.meta, provider: 'api' } }
    t.same(await one.refreshIfDue({ ...captured, tokenDeadline: now }, ticket), { kind: 'gone' })
    const endless = { ...captured, tokenDeadline: Number.POSITIVE_INFINITY }
    t.equal(one.refreshIfDue(endless, ticket), 'fresh')
    t.same(state.tokenCalls, [])
  })

  await t.test('fails as Redis does', async t => {
    const over = await login(1)
    const valid = await login(30)
    const cut = new Redis(redis.url, { maxRetriesPerRequest: 0 })
    cut.disconnect()
    const broken = startGateway({ store: createLogin(cut, planOf(provider)).store })
    const waiting = broken.refreshIfDue(over.session, over.ticket)
    await t.rejects(Promise.resolve(waiting), { code: 'redis_unavailable' })
    t.equal(broken.refreshIfDue(valid.session, valid.ticket), 'fresh')
    await until(() => broken.lines.some(({ msg }) => msg === 'a refresh failed'))
  })

  await t.test('never writes a token into the log', async t => {
    t.notMatch(one.text() + two.text(), /eyJ/)
  })
})
