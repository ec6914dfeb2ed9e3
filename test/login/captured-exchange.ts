import t from 'tap'
import type { Answer } from '../../src/login/answer.ts'
import { type CapturedRefresh, createCapturedExchange } from '../../src/login/captured-exchange.ts'
import { createVerifier } from '../../src/login/verify.ts'
import type { Session, Tokens } from '../../src/session/store.ts'
import { createKey, epoch, keySet, sign, startKeyServer } from '../fixtures/issuer.ts'

const old: Tokens = { accessToken: 'old', refreshToken: 'rt 1&=', claims: {} }
const session = {
  handle: 'a'.repeat(64),
  tokenDeadline: performance.now() + 5_000,
  meta: { v: 1, provider: 'api', iss: '', sub: 'alice', created: 0, expires: 1 },
} as unknown as Session

const reply = (status: number, body: unknown, headers: string[] = []): Answer => ({
  status,
  headers: ['content-type', 'application/json', ...headers],
  body: Buffer.from(JSON.stringify(body)),
})

t.test('refreshing at an API with a login of its own', async t => {
  const key = await createKey()
  const keys = await startKeyServer(t, await keySet(key))
  const rules: CapturedRefresh = {
    ...{ path: '/api/refresh', format: 'json', field: 'refresh_token' },
    ...{ token: ['access_token'], refreshToken: ['refresh_token'], refusals: new Set([401]) },
    ...{ refreshBefore: 60_000, timeout: 2_000 },
    verify: createVerifier({ jwks: keys.url, issuer: 'https://login.test' }, ['sub']),
  }
  const messages: unknown[] = []
  const answering = (answer: () => Answer | Promise<Answer>, more: Partial<CapturedRefresh> = {}) =>
    createCapturedExchange({ ...rules, ...more }, async (message, timeout) => {
      messages.push(message)
      t.equal(timeout, 2_000)
      return answer()
    })
  t.beforeEach(() => void messages.splice(0))

  await t.test('sends the refresh token as the API wants it', async t => {
    const send = (more: Partial<CapturedRefresh>) =>
      answering(() => reply(500, {}), more).exchange(session, old)
    await send({})
    await send({ format: 'form', field: 'refreshToken', path: '/oauth/token' })
    await send({ format: 'bearer' })
    const accept = ['accept', 'application/json']
    t.same(messages, [
      {
        path: '/api/refresh',
        headers: [...accept, 'content-type', 'application/json'],
        body: '{"refresh_token":"rt 1&="}',
      },
      {
        path: '/oauth/token',
        headers: [...accept, 'content-type', 'application/x-www-form-urlencoded'],
        body: 'refreshToken=rt+1%26%3D',
      },
      { path: '/api/refresh', headers: [...accept, 'authorization', 'Bearer rt 1&='], body: '' },
    ])
  })

  await t.test('believes a token as at a login (TK-09)', async t => {
    const accessToken = await sign(key, { exp: epoch(60), scope: 'a b', name: 'Alice' })
    const rotated = answering(() =>
      reply(200, { access_token: accessToken, refresh_token: 'rt 2' }),
    )
    const exchanged = await rotated.exchange(session, old)
    t.match(exchanged, {
      kind: 'tokens',
      tokens: { accessToken, refreshToken: 'rt 2', scope: 'a b', claims: { name: 'Alice' } },
    })
    const { lifetime = 0 } = exchanged.kind === 'tokens' ? exchanged : {}
    t.ok(lifetime > 0 && lifetime <= 60_000)
    const reusable = answering(() => reply(200, { access_token: accessToken }))
    t.match(await reusable.exchange(session, old), { tokens: { refreshToken: 'rt 1&=' } })
    t.ok(await reusable.ready())
    t.equal(reusable.revoke(old), undefined)
  })

  await t.test('refuses what is forged, over, or of somebody else', async t => {
    const other = await createKey()
    const forged = {
      'another key': await sign(other),
      'another issuer': await sign(key, { iss: 'https://evil.test' }),
      expired: await sign(key, { exp: epoch(-60) }),
      'no JWT': 'opaque',
    }
    for (const [what, token] of Object.entries(forged)) {
      const exchange = answering(() => reply(200, { access_token: token, refresh_token: 'rt 2' }))
      const exchanged = await exchange.exchange(session, old)
      t.match(exchanged, { kind: 'failed', reason: /^the token: / }, what)
      t.notMatch(JSON.stringify(exchanged), token)
    }
    const bob = await sign(key, { sub: 'bob' })
    t.match(await answering(() => reply(200, { access_token: bob })).exchange(session, old), {
      kind: 'foreign',
      tokens: { accessToken: bob },
    })
  })

  await t.test('keeps a rotated refresh token while the keys are not to be had', async t => {
    const unknown = await startKeyServer(t, (_req, res) => res.writeHead(500).end())
    const verify = createVerifier({ jwks: unknown.url }, ['sub'])
    const token = await sign(key)
    const exchange = (refresh_token?: string) =>
      answering(() => reply(200, { access_token: token, refresh_token }), { verify }).exchange(
        session,
        old,
      )
    t.match(await exchange('rt 2'), { kind: 'rotated', refreshToken: 'rt 2' })
    for (const same of [undefined, 'rt 1&=']) t.match(await exchange(same), { kind: 'failed' })
  })

  await t.test('says that a refresh token is over, or that nothing is known', async t => {
    t.match(await answering(() => reply(401, {})).exchange(session, old), { kind: 'over' })
    t.match(await answering(() => reply(500, {})).exchange(session, old), { kind: 'failed' })
    const silent = answering(async () => {
      throw new Error('no answer within 2000 ms')
    })
    t.match(await silent.exchange(session, old), { kind: 'failed', reason: /^no answer/ })
    const { refreshToken: _, ...none } = old
    t.match(await silent.exchange(session, none), { kind: 'failed' })
  })

  await t.test(
    'leaves an API alone that fails again and again, or asks for it (FL-07)',
    async t => {
      const down = answering(() => reply(503, {}))
      for (let n = 0; n < 5; n++) await down.exchange(session, old)
      t.equal(messages.length, 3)
      const busy = answering(() => reply(429, {}, ['retry-after', '9']))
      t.match(await busy.exchange(session, old), { kind: 'failed', retryAfter: 9_000 })
      t.match(await busy.exchange(session, old), { kind: 'failed', reason: /a moment ago/ })
      t.equal(messages.length, 4)
      // One session that the API does not like is not an API that is down.
      const picky = answering(() => reply(400, { message: 'invalid' }))
      for (let n = 0; n < 5; n++) await picky.exchange(session, old)
      t.equal(messages.length, 9)
    },
  )
})
