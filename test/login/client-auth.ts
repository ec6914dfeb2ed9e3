import { generateKeyPairSync } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { refreshTokenGrant } from 'openid-client'
import t from 'tap'
import { createClientAuth } from '../../src/login/client-auth.ts'
import { createProvider } from '../../src/login/provider.ts'
import { planOf } from '../fixtures/login.ts'
import { json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { clientId } from '../fixtures/provider.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

t.test('proves who the gateway is', async t => {
  const lying = await startLyingProvider(t)
  lying.answers.set('/token', json({ access_token: 'a', token_type: 'Bearer' }))
  const secret = 'a :+% secret/ä'

  const sent = async (plan: ReturnType<typeof planOf>) => {
    const { configuration } = await createProvider(plan, recordLog().log).discovered()
    await refreshTokenGrant(configuration, 'r')
    const request = lying.tokenRequests.at(-1)
    if (request === undefined) throw new Error('nothing was sent')
    return request
  }
  const withSecret = (wanted: Parameters<typeof planOf>[1] = {}) =>
    sent(planOf({ ...lying, clientSecret: secret }, wanted))
  const basic = (header = '') =>
    Buffer.from(header.replace(/^Basic /, ''), 'base64')
      .toString()
      .split(':')
      .map(decodeForm)
  const decodeForm = (text: string) => new URLSearchParams(`x=${text}`).get('x')

  await t.test('with its secret in the header, encoded as a form is (LG-19)', async t => {
    const { headers, form } = await withSecret()
    t.same(basic(headers.authorization), [clientId, secret])
    t.notOk(form.has('client_secret'))
  })

  await t.test('with its secret in the body where it is told to', async t => {
    const { headers, form } = await withSecret({ clientAuthentication: { method: 'post' } })
    t.equal(headers.authorization, undefined)
    t.equal(form.get('client_secret'), secret)
    t.equal(form.get('client_id'), clientId)
  })

  await t.test('as the provider says, where nothing is configured', async t => {
    const say = (token_endpoint_auth_methods_supported?: string[]) =>
      lying.answers.set(
        '/.well-known/openid-configuration',
        json({ ...lying.metadata, token_endpoint_auth_methods_supported }),
      )
    say(['client_secret_post'])
    t.ok((await withSecret()).form.has('client_secret'))
    const configured = await withSecret({ clientAuthentication: { method: 'basic' } })
    t.notOk(configured.form.has('client_secret'), 'the config wins')
    for (const methods of [undefined, ['client_secret_basic'], ['private_key_jwt']]) {
      say(methods)
      t.notOk((await withSecret()).form.has('client_secret'), String(methods))
    }
  })

  await t.test('with a key: a new assertion for each call, for a minute', async t => {
    for (const [algorithm, { privateKey, publicKey }] of [
      ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
      ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
      ['EdDSA', generateKeyPairSync('ed25519')],
    ] as const) {
      const jwk = { ...privateKey.export({ format: 'jwk' }), alg: algorithm }
      const authentication = {
        clientAuthentication: { privateKeyJwt: JSON.stringify(jwk), keyId: 'k1' },
      }
      const seen = new Set<unknown>()
      for (let call = 0; call < 2; call++) {
        const { form, headers } = await sent(planOf({ issuer: lying.issuer }, authentication))
        const assertion = form.get('client_assertion') ?? ''
        const audience = lying.issuer
        const { payload } = await jwtVerify(assertion, publicKey, { audience, issuer: clientId })
        t.same(decodeProtectedHeader(assertion), { alg: algorithm, kid: 'k1' })
        t.equal(payload.sub, clientId)
        t.equal((payload.exp ?? 0) - (payload.iat ?? 0), 60)
        t.equal(headers.authorization, undefined)
        seen.add(payload.jti)
      }
      t.equal(seen.size, 2, `each has a jti of its own (${algorithm})`)
    }
  })

  await t.test('importing a key once', async t => {
    const { privateKey: key } = generateKeyPairSync('ed25519')
    const authenticate = createClientAuth({
      kind: 'key',
      key: { key, algorithm: 'EdDSA', keyId: undefined },
    })
    t.equal(await authenticate(), await authenticate())
  })
})
