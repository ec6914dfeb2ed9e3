import t from 'tap'
import { createProvider } from '../../src/login/provider.ts'
import { redeem } from '../../src/login/redeem.ts'
import { planOf } from '../fixtures/login.ts'
import {
  type Answer,
  faults,
  json,
  silent,
  startLyingProvider,
} from '../fixtures/lying-provider.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { signingKey } from '../fixtures/signing-key.ts'

const state = 's'.repeat(43)
const transaction = { verifier: 'v'.repeat(43), nonce: 'the nonce', returnTo: '/', startedAt: 1 }

t.test('redeeming a code', async t => {
  const lying = await startLyingProvider(t)
  const { issuer, answers, key } = lying
  const resource = 'https://api.example.com'
  const plan = planOf(lying, { timeout: 10_000, authorizationParams: { resource } })
  const discovered = await createProvider(plan, recordLog().log).discovered()
  const impatient = await createProvider({ ...plan, timeout: 300 }, recordLog().log).discovered()
  const query = `?code=the+code&state=${state}&iss=${encodeURIComponent(issuer)}`
  const attempt = (more: object = {}) =>
    redeem(plan, discovered, query, state, { ...transaction, ...more })

  const answer = (idToken: string | undefined, more: object = {}): Answer =>
    json({
      ...{ access_token: 'at', token_type: 'Bearer', expires_in: 300, refresh_token: 'rt' },
      ...{ id_token: idToken, scope: 'orders:read', ...more },
    })
  const signed = (changes: object = {}, header = {}) =>
    key.sign({ ...lying.claims(transaction.nonce), ...changes }, header)

  await t.test('gives a session', async t => {
    const idToken = await signed({ name: 'Alice' })
    answers.set('/token', answer(idToken))
    const redeemed = await attempt()
    t.match(redeemed, {
      kind: 'session',
      session: {
        ...{ provider: 'oidc', iss: issuer, sub: 'alice', sid: 'sid-1' },
        tokens: {
          ...{ accessToken: 'at', refreshToken: 'rt', idToken, scope: 'orders:read' },
          claims: { name: 'Alice' },
        },
      },
    })
    const life = redeemed.kind === 'session' ? (redeemed.session.tokenExpires ?? 0) : 0
    t.ok(life > 290_000 && life <= 300_000)
    const { form } = lying.tokenRequests.at(-1) ?? {}
    t.same(Object.fromEntries(form ?? []), {
      grant_type: 'authorization_code',
      code: 'the code',
      redirect_uri: plan.redirectUri,
      code_verifier: transaction.verifier,
      resource,
    })
  })

  await t.test('gives one without what the provider left out', async t => {
    const optional = { refresh_token: undefined, scope: undefined, expires_in: undefined }
    answers.set('/token', answer(await signed({ sid: undefined }), optional))
    const redeemed = await attempt()
    if (redeemed.kind !== 'session') throw new Error(redeemed.reason)
    const { sid, tokenExpires, tokens } = redeemed.session
    t.same([sid, tokenExpires], [undefined, undefined])
    t.same(Object.keys(tokens).sort(), ['accessToken', 'claims', 'idToken'])
  })

  await t.test('with a strange expires_in works all the same (TK-04)', async t => {
    for (const [value, wanted] of [
      [-1, undefined],
      ['soon', undefined],
      ['300', 300_000],
      [1e300, 365 * 24 * 60 * 60_000],
    ] as const) {
      answers.set('/token', answer(await signed(), { expires_in: value }))
      const redeemed = await attempt()
      const life = redeemed.kind === 'session' ? redeemed.session.tokenExpires : 'refused'
      if (wanted === undefined) t.equal(life, undefined, String(value))
      else t.ok(typeof life === 'number' && Math.abs(life - wanted) < 5_000, String(value))
    }
  })

  await t.test('gives nothing for a lie, and the reason to the log only', async t => {
    const stranger = await signingKey()
    const lies: [string, string | undefined, object?][] = [
      ['no ID token', undefined],
      ['an ID token that is none', 'x.y.z'],
      ['a wrong nonce', await signed({ nonce: 'another' })],
      ['no nonce', await signed({ nonce: undefined })],
      ['a list of nonces', await signed({ nonce: [transaction.nonce] })],
      ['a wrong issuer', await signed({ iss: 'https://evil.example' })],
      ['a wrong audience', await signed({ aud: 'another' })],
      ['an audience too many', await signed({ aud: ['claimcheck', 'another'] })],
      ['an ID token that is over', await signed({ exp: 1 })],
      ['an ID token from the future', await signed({ iat: 4e9, exp: 5e9 })],
      ['a foreign signature', await stranger.sign(lying.claims(transaction.nonce))],
      [
        'a foreign jku',
        await stranger.sign(lying.claims(transaction.nonce), { jku: `${issuer}/evil` }),
      ],
      ['another kind of token', await signed({}, { typ: 'logout+jwt' })],
      ['no access token', await signed(), { access_token: undefined }],
      ['an access token that breaks a header', await signed(), { access_token: 'a\r\nb: c' }],
      ['a token of another type', await signed(), { token_type: 'mac' }],
      ['a DPoP token', await signed(), { token_type: 'DPoP' }],
      ['a scope that is a list', await signed(), { scope: ['a'] }],
    ]
    for (const [name, idToken, more] of lies) {
      answers.set('/token', answer(idToken, more))
      const redeemed = await attempt()
      t.match(redeemed, { kind: 'refused', code: 'login_failed', reason: /./ }, name)
    }
    t.equal(lying.count('/evil'), 0, 'a foreign address of keys is never asked')
  })

  await t.test('says of each fault of the provider what it means', async t => {
    const failed = ['HTML', 'no JSON', 'an array', 'nothing', 'a 204', 'three megabytes', 'a bomb']
    for (const [name, fault] of Object.entries(faults)) {
      answers.set('/token', fault)
      const code = failed.includes(name) ? 'login_failed' : 'provider_unavailable'
      const at = silent.has(name) ? impatient : discovered
      t.match(await redeem(plan, at, query, state, transaction), { kind: 'refused', code }, name)
    }
    answers.set('/token', json({ error: 'invalid_grant' }, 400))
    t.match(await attempt(), { code: 'login_expired' }, 'a code that is used or too old')
    answers.set('/token', json({ error: 'invalid_client' }, 401))
    t.match(await attempt(), { code: 'login_failed', reason: /invalid_client/ })
    answers.set('/token', (_req, res) => res.writeHead(302, { location: `${issuer}/evil` }).end())
    t.match(await attempt(), { code: 'login_failed' })
    t.equal(lying.count('/evil'), 0)
  })

  await t.test('needs the keys', async t => {
    answers.set('/token', answer(await signed({}, { kid: 'unknown' })))
    answers.set('/jwks', faults['a 500'] ?? json({}))
    t.match(await attempt(), { code: 'provider_unavailable' })
    lying.reset()
    t.match(await attempt(), { code: 'login_failed' }, 'an unknown key that is not published')
  })

  await t.test('finds new keys at once when the provider has changed them (LG-20)', async t => {
    for (let rotation = 0; rotation < 3; rotation++) {
      const next = await signingKey()
      answers.set('/jwks', json({ keys: [next.publicJwk] }))
      answers.set('/token', answer(await next.sign(lying.claims(transaction.nonce))))
      t.match(await attempt(), { kind: 'session' })
    }
    lying.reset()
  })

  await t.test('tells what the provider said instead of a code (LG-17)', async t => {
    const calls = lying.count('/token')
    const text = '<script>alert(1)</script>'
    const error = `?error=access_denied&error_description=${encodeURIComponent(text)}&state=${state}&iss=${encodeURIComponent(issuer)}`
    t.match(await redeem(plan, discovered, error, state, transaction), {
      ...{ kind: 'refused', code: 'login_refused', reason: /access_denied/ },
    })
    t.equal(lying.count('/token'), calls, 'the token endpoint is not asked')
  })

  await t.test('holds the provider to the login that was asked for', async t => {
    const now = Math.trunc(Date.now() / 1000)
    const acr = ['phr', 'phrh']
    for (const [claims, wanted, code] of [
      [{ acr: 'phr' }, { acr }, undefined],
      [{ acr: 'phrh' }, { acr }, undefined],
      [{ acr: 'password' }, { acr }, 'login_refused'],
      [{ acr: ['phr'] }, { acr }, 'login_refused'],
      [{}, { acr }, 'login_refused'],
      [{ auth_time: now - 5 }, { maxAge: 60 }, undefined],
      [{ auth_time: now - 120 }, { maxAge: 60 }, 'login_failed'],
      [{}, { maxAge: 60 }, 'login_failed'],
    ] as const) {
      answers.set('/token', answer(await signed(claims)))
      const redeemed = await attempt(wanted)
      t.match(redeemed, code === undefined ? { kind: 'session' } : { code }, JSON.stringify(claims))
    }
  })
})
