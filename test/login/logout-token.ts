import { SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import { createKeySet } from '../../src/login/key-set.ts'
import { verifyLogoutToken } from '../../src/login/logout-token.ts'
import { json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { clientId } from '../fixtures/provider.ts'
import { signingKey } from '../fixtures/signing-key.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
const now = () => Math.trunc(Date.now() / 1000)

t.test('a logout token', async t => {
  const lying = await startLyingProvider(t)
  const { issuer, key } = lying
  const keysUrl = new URL(`${issuer}/jwks`)
  const keys = createKeySet(keysUrl, { cooldown: 30_000 })
  const verify = (token: string, keySet = keys) =>
    verifyLogoutToken(token, { keys: keySet, issuer, clientId })
  const claims = () => ({
    ...{ iss: issuer, aud: clientId, iat: now(), exp: now() + 120, jti: 'jti-1' },
    ...{ sub: 'alice', sid: 'sid-1', events: { [event]: {} } },
  })
  const signed = (changes: object = {}, header: object = { typ: 'logout+jwt' }) =>
    key.sign({ ...claims(), ...changes }, { ...header })

  await t.test('that is right says who is logged out', async t => {
    const verdict = await verify(await signed())
    t.match(verdict, { kind: 'verified', who: { sub: 'alice', sid: 'sid-1' }, jti: 'jti-1' })
    const { life = 0 } = verdict.kind === 'verified' ? verdict : {}
    t.ok(life > 140_000 && life <= 150_000, 'it could be shown again for so long')

    t.match(await verify(await signed({ sid: undefined })), {
      who: { sub: 'alice', sid: undefined },
    })
    t.match(await verify(await signed({ sub: undefined })), {
      who: { sub: undefined, sid: 'sid-1' },
    })
    for (const changes of [
      { aud: [clientId, 'another'] },
      { iat: now() - 590 },
      { exp: now() - 20 },
      { events: { [event]: {}, another: {} } },
      { unknown: true },
    ]) {
      t.match(await verify(await signed(changes)), { kind: 'verified' }, JSON.stringify(changes))
    }
    for (const header of [
      {},
      { typ: 'JWT' },
      { typ: 'application/logout+jwt' },
      { typ: 'Logout+JWT' },
    ]) {
      t.match(await verify(await signed({}, header)), { kind: 'verified' }, JSON.stringify(header))
    }
    const far = await verify(await signed({ exp: now() + 10 * 365 * 24 * 3600 }))
    t.ok(far.kind === 'verified' && far.life <= 630_000, 'it is good for ten minutes at most')
  })

  await t.test('with one thing wrong is refused (RV-07, RV-08)', async t => {
    const wrong: Record<string, unknown>[] = [
      ...['iss', 'aud', 'iat', 'exp', 'jti', 'events'].map(name => ({ [name]: undefined })),
      { iss: `${issuer}/` },
      { iss: 7 },
      { aud: 'another' },
      { aud: [] },
      { exp: now() - 31 },
      { exp: 'soon' },
      { iat: now() - 700 },
      { iat: now() + 60 },
      { iat: 'now' },
      { nbf: now() + 60 },
      { jti: '' },
      { jti: 7 },
      { jti: 'x'.repeat(513) },
      { sub: undefined, sid: undefined },
      { sub: '' },
      { sub: 7 },
      { sub: null },
      { sid: '' },
      { sid: ['sid-1'] },
      { sid: null },
      { events: event },
      { events: [event] },
      { events: null },
      { events: {} },
      { events: { another: {} } },
      { events: { [event]: null } },
      { events: { [event]: true } },
      { events: { [event]: [] } },
      { nonce: 'x' },
      { nonce: '' },
      { nonce: null },
    ]
    for (const changes of wrong) {
      const verdict = await verify(await signed(changes))
      t.match(verdict, { kind: 'refused', reason: /./ }, JSON.stringify(changes))
    }
  })

  await t.test('is not an ID token or an access token, whoever signed it (RV-09)', async t => {
    t.match(await verify(await key.sign(lying.claims('n'))), { kind: 'refused' }, 'an ID token')
    for (const typ of ['at+jwt', 'application/at+jwt', 'secevent+jwt', 'dpop+jwt', '']) {
      t.match(await verify(await signed({}, { typ })), { kind: 'refused' }, typ)
    }
  })

  await t.test('with a signature that proves nothing is refused', async t => {
    const stranger = await signingKey()
    const header = { typ: 'logout+jwt' }
    const [head = '', body = ''] = (await signed()).split('.')
    for (const [name, token] of Object.entries({
      'alg none': new UnsecuredJWT(claims()).encode(),
      'HS256 with the public key': await new SignJWT(claims())
        .setProtectedHeader({ alg: 'HS256', kid: key.kid, ...header })
        .sign(Buffer.from(JSON.stringify(key.publicJwk))),
      'a foreign key': await stranger.sign(claims(), header),
      'a foreign key behind our id': await stranger.sign(claims(), { ...header, kid: key.kid }),
      'a foreign jku': await stranger.sign(claims(), { ...header, jku: `${issuer}/evil` }),
      'no signature': `${head}.${body}.`,
      'no token': 'x',
      nothing: '',
      'a JWE': 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.AA.AA.AA.AA',
    })) {
      t.match(await verify(token), { kind: 'refused', reason: /./ }, name)
    }
    t.equal(lying.count('/evil'), 0)
  })

  await t.test(
    'of an unknown key fetches the keys now and then, not each time (LG-20, RL-05)',
    async t => {
      const fresh = createKeySet(keysUrl, { cooldown: 30_000 })
      const before = lying.count('/jwks')
      const tokens = await Promise.all(
        Array.from({ length: 200 }, (_, n) =>
          signed({}, { kid: `random-${n}`, typ: 'logout+jwt' }),
        ),
      )
      for (const token of tokens) t.match(await verify(token, fresh), { kind: 'refused' })
      t.ok(lying.count('/jwks') - before <= 2, `${lying.count('/jwks') - before} fetches`)
      const others = await Promise.all(tokens.map((_, n) => signed({ aud: `client-${n}` })))
      const unused = createKeySet(keysUrl)
      const count = lying.count('/jwks')
      for (const token of others) t.match(await verify(token, unused), { kind: 'refused' })
      t.equal(lying.count('/jwks'), count, "what is another's costs nothing")
    },
  )

  await t.test('is not judged while the keys cannot be had', async t => {
    lying.answers.set('/jwks', json({}, 500))
    const failing = createKeySet(keysUrl, { failurePause: 1_000 })
    const before = lying.count('/jwks')
    for (let n = 0; n < 50; n++) {
      t.match(await verify(await signed({ jti: `${n}` }), failing), { kind: 'unavailable' })
    }
    t.ok(lying.count('/jwks') - before < 25, 'nor are they asked for each time')
    t.match(await verify(await signed(), createKeySet(keysUrl)), { kind: 'unavailable' })
    t.match(await verify(await signed()), { kind: 'verified' }, 'known keys serve on')
  })
})
