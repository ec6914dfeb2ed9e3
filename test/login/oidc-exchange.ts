import t from 'tap'
import { createOidcExchange } from '../../src/login/oidc-exchange.ts'
import { createProvider } from '../../src/login/provider.ts'
import { createRevoker } from '../../src/login/revoke.ts'
import type { Session, Tokens } from '../../src/session/store.ts'
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

t.test('exchanging a refresh token', async t => {
  const lying = await startLyingProvider(t)
  const resource = 'https://api.example.com'
  const exchanging = (timeout = 10_000) => {
    const { log } = recordLog()
    const plan = planOf(lying, { timeout, authorizationParams: { resource } })
    const provider = createProvider(plan, log)
    const revoker = createRevoker(provider, log, { pause: 1 })
    return { ...createOidcExchange(provider, revoker), settle: revoker.settle }
  }
  const { exchange, ready, ...rest } = exchanging()
  const old: Tokens = {
    ...{ accessToken: 'at 1', refreshToken: 'rt 1', idToken: 'it 1', scope: 'orders:read' },
    claims: { sub: 'alice', role: 'admin', auth_time: 7, acr: 'phr', nonce: 'n', sid: 'sid-1' },
  }
  const session: Session = {
    ...{ handle: 'h', version: '', claims: old.claims, scopes: new Set<string>() },
    meta: { v: 1, provider: 'oidc', iss: lying.issuer, sub: 'alice', created: 0, expires: 0 },
    ...{ bearers: { access_token: '', id_token: undefined }, hasRefreshToken: true },
    ...{ idleDeadline: 0, absoluteDeadline: 0, tokenDeadline: 0 },
  }
  const answer = (answer: Answer | undefined, by = exchange) => {
    lying.answers.set('/token', answer ?? json({}))
    return by(session, old)
  }
  const tokens = { access_token: 'at-2', token_type: 'Bearer', expires_in: 60 }
  const signed = (changes: object = {}) => lying.key.sign({ ...lying.claims(), ...changes })

  await t.test('sends what the protocol wants', async t => {
    t.match(rest, { refreshBefore: 60_000, timeout: 10_000 })
    t.equal(await ready(), true)
    await answer(json(tokens))
    const { form } = lying.tokenRequests.at(-1) ?? {}
    const sent = { grant_type: 'refresh_token', refresh_token: 'rt 1', resource }
    t.same(Object.fromEntries(form ?? []), sent)
    const { refreshToken: _, ...without } = old
    t.match(await exchange(session, without), { kind: 'failed' })
  })

  await t.test('keeps what the answer leaves out, and replaces what it holds (TK-09)', async t => {
    const kept = await answer(json(tokens))
    t.match(kept, { kind: 'tokens', tokens: { ...old, accessToken: 'at-2' } })
    const life = kept.kind === 'tokens' ? (kept.lifetime ?? 0) : 0
    t.ok(life > 50_000 && life <= 60_000)

    const idToken = await signed({ name: 'Alice' })
    const all = { ...tokens, refresh_token: 'rt-2', id_token: idToken, scope: 'less' }
    const replaced = await answer(json({ ...all, expires_in: undefined }))
    t.match(replaced, {
      ...{ kind: 'tokens', lifetime: undefined },
      tokens: { accessToken: 'at-2', refreshToken: 'rt-2', idToken, scope: 'less' },
    })
    const { claims = {} } = replaced.kind === 'tokens' ? replaced.tokens : {}
    t.match(claims, { name: 'Alice', auth_time: 7, acr: 'phr', nonce: 'n' })
    t.notOk('role' in claims, 'a role that is not there any more is taken away')
  })

  await t.test('never loses a rotated token to a strange expires_in (TK-04)', async t => {
    for (const expires_in of [-1, 'soon', null]) {
      const strange = await answer(json({ ...tokens, refresh_token: 'rt-2', expires_in }))
      t.match(strange, { kind: 'tokens', lifetime: undefined, tokens: { refreshToken: 'rt-2' } })
    }
  })

  await t.test('never loses one because the keys are not to be had', async t => {
    const fresh = exchanging()
    await fresh.ready()
    lying.answers.delete('/jwks')
    const more = { refresh_token: 'rt-2', id_token: await signed() }
    const saved = await answer(json({ ...tokens, ...more }), fresh.exchange)
    t.match(saved, { kind: 'tokens', tokens: { refreshToken: 'rt-2', idToken: 'it 1' } })
    lying.reset()
  })

  await t.test("refuses another person's tokens (TK-09)", async t => {
    const more = { refresh_token: 'rt-2', id_token: await signed({ sub: 'bob' }) }
    t.match(await answer(json({ ...tokens, ...more })), {
      ...{ kind: 'foreign', tokens: { refreshToken: 'rt-2' } },
    })
  })

  await t.test('takes nothing but invalid_grant for the end of the session (TK-08)', async t => {
    t.match(await answer(json({ error: 'invalid_grant' }, 400)), { kind: 'over' })
    const stranger = await signingKey()
    const lies: Record<string, Answer> = {
      ...faults,
      invalid_client: json({ error: 'invalid_client' }, 401),
      invalid_request: json({ error: 'invalid_request' }, 400),
      'a 404': (_req, res) => res.writeHead(404).end(),
      'a token of another type': json({ ...tokens, token_type: 'mac' }),
      'a DPoP token': json({ ...tokens, token_type: 'DPoP' }),
      'a token that breaks a header': json({ ...tokens, access_token: 'a\nb' }),
      'an ID token of another issuer': json({ ...tokens, id_token: await signed({ iss: 'x' }) }),
      'an ID token for another client': json({ ...tokens, id_token: await signed({ aud: 'x' }) }),
      'an ID token that is over': json({ ...tokens, id_token: await signed({ exp: 1 }) }),
      'a forged ID token': json({ ...tokens, id_token: await stranger.sign(lying.claims()) }),
      'an ID token without sub': json({ ...tokens, id_token: await signed({ sub: undefined }) }),
    }
    for (const [name, lie] of Object.entries(lies)) {
      const { exchange } = exchanging(silent.has(name) ? 300 : undefined)
      t.match(await answer(lie, exchange), { kind: 'failed', reason: /./ }, name)
    }
  })

  await t.test('leaves a provider alone that fails again and again (FL-07)', async t => {
    const { exchange } = exchanging()
    for (let n = 0; n < 3; n++) await answer(faults['a 500'], exchange)
    const calls = lying.count('/token')
    const refused = await exchange(session, old)
    t.match(refused, { kind: 'failed', reason: /moment ago/ })
    t.ok(refused.kind === 'failed' && (refused.retryAfter ?? 0) > 0)
    t.equal(lying.count('/token'), calls, 'it is not asked')

    const polite = exchanging()
    const asked = await answer(faults['a 503 with Retry-After'], polite.exchange)
    t.match(asked, { kind: 'failed', retryAfter: 3_000 })
    t.match(await polite.exchange(session, old), { kind: 'failed', reason: /moment ago/ })

    const alive = exchanging()
    for (let n = 0; n < 5; n++) {
      await answer(faults['a 500'], alive.exchange)
      await answer(json({ error: 'invalid_grant' }, 400), alive.exchange)
    }
    t.match(
      await answer(json(tokens), alive.exchange),
      { kind: 'tokens' },
      'an answer is an answer',
    )
  })

  await t.test('is not ready while the provider is not known', async t => {
    lying.answers.delete('/.well-known/openid-configuration')
    const unknown = exchanging()
    t.equal(await unknown.ready(), false)
    t.match(await unknown.exchange(session, old), { kind: 'failed' })
    lying.reset()
  })

  await t.test('gives back what nobody will use', async t => {
    const forms: string[] = []
    lying.answers.set('/revoke', (_req, res, form) => {
      forms.push(form.get('token') ?? '')
      res.end()
    })
    const { revoke, settle } = exchanging()
    revoke(old)
    await settle()
    t.same(forms, ['rt 1'])
  })
})
