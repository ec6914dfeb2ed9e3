import { errors } from 'jose'
import t from 'tap'
import { createKeySet, KeysUnavailable } from '../../src/login/key-set.ts'
import { verifySigned } from '../../src/login/signed.ts'
import { json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { signingKey } from '../fixtures/signing-key.ts'

const expected = { algorithms: ['RS256', 'ES256'], requiredClaims: ['sub'] }

t.test('believes what a published key has signed', async t => {
  const { issuer, key, answers } = await startLyingProvider(t)
  const keys = createKeySet(new URL(`${issuer}/jwks`), { cooldown: 0 })
  const foreign = await signingKey()

  await t.test('and nothing else', async t => {
    const { payload } = await verifySigned(await key.sign({ sub: 'alice' }), keys, expected)
    t.equal(payload.sub, 'alice')
    const forged = await foreign.sign({ sub: 'alice' }, { kid: key.kid })
    await t.rejects(verifySigned(forged, keys, expected), errors.JWSSignatureVerificationFailed)
    await t.rejects(
      verifySigned(await foreign.sign({ sub: 'alice' }), keys, expected),
      errors.JWKSNoMatchingKey,
    )
    await t.rejects(
      verifySigned(await key.sign({}), keys, expected),
      errors.JWTClaimValidationFailed,
    )
  })

  await t.test('whichever of several keys without ids it is', async t => {
    const other = await signingKey()
    const anonymous = [key, other].map(({ publicJwk: { kid: _, ...jwk } }) => jwk)
    answers.set('/jwks', json({ keys: anonymous }))
    await keys.renew()
    for (const { sign } of [key, other]) {
      const token = await sign({ sub: 'alice' }, { kid: undefined })
      t.equal((await verifySigned(token, keys, expected)).payload.sub, 'alice')
    }
    const forged = await foreign.sign({ sub: 'alice' }, { kid: undefined })
    await t.rejects(verifySigned(forged, keys, expected), errors.JWSSignatureVerificationFailed)
    const empty = await other.sign({}, { kid: undefined })
    await t.rejects(verifySigned(empty, keys, expected), errors.JWTClaimValidationFailed)
  })

  await t.test('also after a rotation behind an unchanged id', async t => {
    answers.set('/jwks', json({ keys: [{ ...foreign.publicJwk, kid: key.kid }] }))
    const token = await foreign.sign({ sub: 'alice' }, { kid: key.kid })
    t.equal((await verifySigned(token, keys, expected)).payload.sub, 'alice')
  })

  await t.test('as long as the keys can be had', async t => {
    answers.delete('/jwks')
    const token = await key.sign({ sub: 'alice' })
    await t.rejects(verifySigned(token, keys, expected), KeysUnavailable)
  })
})
