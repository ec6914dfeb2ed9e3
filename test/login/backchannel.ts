import t from 'tap'
import { createBackchannel } from '../../src/login/backchannel.ts'
import { createProvider } from '../../src/login/provider.ts'
import { createSealer } from '../../src/session/seal.ts'
import { createStore } from '../../src/session/store.ts'
import { keys, planOf } from '../fixtures/login.ts'
import { json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { clientId } from '../fixtures/provider.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { startRedis } from '../fixtures/redis.ts'
import { signingKey } from '../fixtures/signing-key.ts'

const form = 'application/x-www-form-urlencoded'
const event = 'http://schemas.openid.net/event/backchannel-logout'

t.test('back-channel log-out', async t => {
  const redis = await startRedis(t)
  const { client } = redis
  const lying = await startLyingProvider(t)
  const store = createStore({
    ...{ redis: client, keys, sealer: createSealer([]) },
    ...{ idleTimeout: 60_000, absoluteTimeout: 60_000, maxPerUser: 0 },
    ...{ atLimit: 'refuse', recordClient: false },
  })
  const provider = createProvider(planOf(lying), recordLog().log)
  const logOut = createBackchannel({ provider, redis: client, keys, store })

  let count = 0
  const token = (changes: object = {}) => {
    const iat = Math.trunc(Date.now() / 1000)
    const claims = { iss: lying.issuer, aud: clientId, iat, exp: iat + 120, jti: `jti-${++count}` }
    return lying.key.sign({ ...claims, sub: 'alice', events: { [event]: {} }, ...changes })
  }
  const post = async (changes: object = {}) => logOut(form, `logout_token=${await token(changes)}`)
  const login = async (sub: string, sid: string | undefined, name = 'oidc') => {
    const tokens = { accessToken: 'a', claims: {} }
    const created = await store.create({ provider: name, iss: lying.issuer, sub, sid, tokens })
    if (created.kind !== 'created') throw new Error(created.kind)
    return async () => (await store.read(created.ticket)) !== undefined
  }
  t.afterEach(async () => {
    if (client.status === 'ready') await client.flushall()
  })

  await t.test('ends what it names and nothing else (RV-11)', async t => {
    const start = async () => ({
      a1: await login('alice', 's1'),
      a2: await login('alice', 's2'),
      a3: await login('alice', undefined),
      b1: await login('bob', 's3'),
      other: await login('alice', 's1', 'api'),
    })
    const alive = async (sessions: Awaited<ReturnType<typeof start>>) => {
      const names: string[] = []
      for (const [name, isAlive] of Object.entries(sessions)) if (await isAlive()) names.push(name)
      await client.flushall()
      return names
    }
    let sessions = await start()
    t.same(await post({ sub: undefined, sid: 's1' }), {
      status: 200,
      sub: undefined,
      sid: 's1',
      ended: 1,
    })
    t.same(await alive(sessions), ['a2', 'a3', 'b1', 'other'], 'the sid')

    sessions = await start()
    t.match(await post(), { status: 200, sub: 'alice', sid: undefined, ended: 3 })
    t.same(await alive(sessions), ['b1', 'other'], 'the sub, with all its sessions')

    sessions = await start()
    t.match(await post({ sid: 's2' }), { status: 200, ended: 1 })
    t.same(await alive(sessions), ['a1', 'a3', 'b1', 'other'], 'both')

    sessions = await start()
    t.match(await post({ sid: 's3' }), { status: 200, ended: 0 })
    t.same(await alive(sessions), ['a1', 'a2', 'a3', 'b1', 'other'], 'both, that do not agree')

    sessions = await start()
    t.match(await post({ sub: 'nobody', sid: 'none' }), { status: 200, ended: 0 })
    t.match(await post({ sub: 'nobody' }), { status: 200, ended: 0 }, 'what has ended is a success')
    t.same(await alive(sessions), ['a1', 'a2', 'a3', 'b1', 'other'])
  })

  await t.test('refuses logins that had begun before it (RV-14)', async t => {
    const startedAt = await store.now()
    await post({ sub: undefined, sid: 's9' })
    await post({ sub: 'carol' })
    const begin = (sub: string, sid: string) =>
      store.create(
        { provider: 'oidc', iss: 'x', sub, sid, tokens: { accessToken: 'a', claims: {} } },
        { startedAt },
      )
    t.match(await begin('dave', 's9'), { kind: 'ended' })
    t.match(await begin('carol', 's8'), { kind: 'ended' })
    t.match(await begin('dave', 's8'), { kind: 'created' })
  })

  await t.test('takes a form with one logout token (RV-06)', async t => {
    const good = await token()
    for (const [type, body] of [
      ['application/json', JSON.stringify({ logout_token: good })],
      ['multipart/form-data; boundary=x', `logout_token=${good}`],
      ['text/plain', `logout_token=${good}`],
      [`${form}x`, `logout_token=${good}`],
      ['', `logout_token=${good}`],
      [undefined, `logout_token=${good}`],
      [form, `logout_token=${good}&logout_token=${good}`],
      [form, `token=${good}`],
      [form, ''],
      [form, 'logout_token='],
      [form, `logout_token[]=${good}`],
    ] as const) {
      t.match(
        await logOut(type, body),
        { status: 400, reason: /./ },
        `${type} ${body.slice(0, 30)}`,
      )
    }
    const body = `a=1&logout_token=${encodeURIComponent(good)}&b=2&b=3`
    t.match(await logOut(`${form}; charset=UTF-8`, body), { status: 200 }, 'others mean nothing')
    t.match(await logOut(form, 'logout_token=x.y.z'), { status: 400 })
    t.match(await post({ nonce: 'x' }), { status: 400, reason: /nonce/ })
  })

  await t.test('takes a token once, as long as it could be shown (RV-10)', async t => {
    const good = await token({ jti: 'the jti:*' })
    const body = `logout_token=${good}`
    t.match(await logOut(form, body), { status: 200 })
    const isAlive = await login('alice', 's1')
    t.match(await logOut(form, body), { status: 400, reason: /before/ })
    t.ok(await isAlive(), 'a replay does not end a later session')
    const name = keys.jti('oidc', 'the jti:*')
    t.equal(await client.get(name), 'done')
    t.ok((await client.pttl(name)) >= 120_000)
  })

  await t.test('does again what broke off in the middle', async t => {
    const isAlive = await login('alice', 's1')
    const body = `logout_token=${await token({ jti: 'broken' })}`
    const broken = createBackchannel({
      ...{ provider, redis: client, keys },
      store: {
        ...store,
        endUser: async () => {
          throw new Error('the process was killed')
        },
      },
    })
    await t.rejects(broken(form, body), { message: 'the process was killed' })
    t.equal(await client.get(keys.jti('oidc', 'broken')), 'pending')
    t.ok(await isAlive())
    t.match(await logOut(form, body), { status: 200, ended: 1 })
    t.equal(await client.get(keys.jti('oidc', 'broken')), 'done')
    t.ok((await client.pttl(keys.jti('oidc', 'broken'))) > 0)
  })

  await t.test('works once when it comes at two gateways at once', async t => {
    await login('alice', 's1')
    const body = `logout_token=${await token()}`
    const both = await Promise.all([logOut(form, body), logOut(form, body)])
    const ended = both.map(outcome => (outcome.status === 200 ? outcome.ended : 0))
    t.equal(
      ended.reduce((sum, one) => sum + one, 0),
      1,
    )
  })

  await t.test(
    'of a flood with unknown keys does not become a flood of fetches (RL-05)',
    async t => {
      const stranger = await signingKey()
      const { iss, aud, iat, exp } = lying.claims()
      const claims = { iss, aud, iat, exp, jti: 'x', sub: 'alice', events: { [event]: {} } }
      const before = lying.count('/jwks')
      for (let n = 0; n < 100; n++) {
        const forged = await stranger.sign(claims, { kid: `random-${n}` })
        t.match(await logOut(form, `logout_token=${forged}`), { status: 400 })
      }
      t.ok(lying.count('/jwks') - before <= 1)
      t.match(await post(), { status: 200 }, 'genuine ones still work')
    },
  )

  await t.test('is not a success when it could not be done (RV-12)', async t => {
    const good = await token()
    const unknown = await startLyingProvider(t)
    unknown.answers.set('/.well-known/openid-configuration', json({}, 500))
    const away = createProvider(planOf(unknown), recordLog().log)
    const early = createBackchannel({ provider: away, redis: client, keys, store })
    t.match(await early(form, `logout_token=${good}`), { status: 503, reason: /./ })

    lying.answers.set('/jwks', json({}, 500))
    const keyless = createProvider(planOf(lying), recordLog().log)
    const blind = createBackchannel({ provider: keyless, redis: client, keys, store })
    t.match(await blind(form, `logout_token=${good}`), { status: 503 })
    lying.reset()

    client.disconnect()
    t.match(await logOut(form, `logout_token=${good}`), { status: 503 })
  })
})
