import { createHash, createPrivateKey, sign } from 'node:crypto'
import { CompactEncrypt, type JWK, SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import { verifyIdToken } from '../../src/login/id-token.ts'
import { createKeySet } from '../../src/login/key-set.ts'
import { startLyingProvider } from '../fixtures/lying-provider.ts'
import { clientId } from '../fixtures/provider.ts'
import { signingKey } from '../fixtures/signing-key.ts'

const accessToken = 'an-access-token'
const now = () => Math.trunc(Date.now() / 1000)
const half = (algorithm: string) => {
  const digest = createHash(algorithm).update(accessToken).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

t.test('an ID token', async t => {
  const lying = await startLyingProvider(t)
  const { issuer, key } = lying
  const keys = createKeySet(new URL(`${issuer}/jwks`), { cooldown: 0 })
  const expected = { keys, issuer, clientId, accessToken }
  const verify = (token: string) => verifyIdToken(token, expected)
  const claims = lying.claims('n')
  const signed = (changes: object, header = {}) => key.sign({ ...claims, ...changes }, header)

  await t.test('that is right is believed', async t => {
    t.match(await verify(await signed({ name: 'Alice' })), {
      ...{ kind: 'verified', sub: 'alice', sid: 'sid-1', claims: { name: 'Alice' } },
    })
    for (const changes of [
      { azp: clientId },
      { aud: [clientId, 'another'], azp: clientId },
      { at_hash: half('sha256') },
      { sid: undefined },
      { exp: now() - 20 },
      { iat: now() + 20, nbf: now() + 20 },
    ]) {
      t.match(await verify(await signed(changes)), { kind: 'verified' }, JSON.stringify(changes))
    }
    t.match(await verify(await signed({}, { typ: 'jwt' })), { kind: 'verified' })
  })

  await t.test('that would not stay one header field is refused (HD-04)', async t => {
    const token = await signed({})
    for (const odd of ['\r\n', '\n', ' ']) {
      t.match(await verify(token + odd), { kind: 'refused', reason: 'it is not written as a JWT' })
    }
  })

  await t.test('with one claim wrong is refused (LG-06)', async t => {
    const wrong: Record<string, unknown>[] = [
      ...['iss', 'aud', 'exp', 'iat', 'sub'].map(name => ({ [name]: undefined })),
      { iss: `${issuer}/` },
      { iss: [issuer] },
      { aud: 'another' },
      { aud: [] },
      { aud: ['another'] },
      { aud: { [clientId]: 1 } },
      { azp: 'another' },
      { azp: null },
      { exp: now() - 31 },
      { exp: '9999999999' },
      { iat: now() + 60 },
      { iat: 'now' },
      { nbf: now() + 60 },
      { nbf: 'now' },
      { sub: '' },
      { sub: 7 },
      { sub: ['alice'] },
      { sub: 'a'.repeat(256) },
      { sub: 'ä'.repeat(128) },
      { sub: '\ud800' },
      { sid: 7 },
      { at_hash: 'x' },
      { at_hash: half('sha512') },
      { at_hash: null },
    ]
    for (const changes of wrong) {
      const verdict = await verify(await signed(changes))
      t.match(verdict, { kind: 'refused', reason: /./ }, JSON.stringify(changes))
    }
  })

  await t.test('is bound to its access token by the hash of its own algorithm', async t => {
    for (const [algorithm, hash] of [
      ['ES384', 'sha384'],
      ['EdDSA', 'sha512'],
    ] as const) {
      const other = await signingKey(algorithm)
      lying.answers.set('/jwks', (_req, res) =>
        res.end(JSON.stringify({ keys: [other.publicJwk] })),
      )
      t.match(await verify(await other.sign({ ...claims, at_hash: half(hash) })), {
        kind: 'verified',
      })
      t.match(await verify(await other.sign({ ...claims, at_hash: half('sha256') })), {
        kind: 'refused',
      })
    }
    lying.reset()
  })

  await t.test('with a signature that proves nothing is refused (LG-05)', async t => {
    const stranger = await signingKey()
    const publicPem = Buffer.from(JSON.stringify(key.publicJwk))
    const jwk: JWK = stranger.publicJwk
    const attacker = 'http://127.0.0.1:1/jwks'
    const [head = '', body = '', signature = ''] = (await signed({})).split('.')
    const tokens: Record<string, string> = {
      'alg none': new UnsecuredJWT(claims).encode(),
      'alg none with a signature': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.${signature}`,
      'HS256 with the public key': await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: key.kid })
        .sign(publicPem),
      'a foreign key': await stranger.sign(claims),
      'a foreign key behind our id': await stranger.sign(claims, { kid: key.kid }),
      'an embedded jwk': await stranger.sign(claims, { jwk }),
      'an embedded jwk behind our id': await stranger.sign(claims, { kid: key.kid, jwk }),
      'a jku': await stranger.sign(claims, { jku: attacker }),
      'an x5u': await stranger.sign(claims, { x5u: attacker }),
      'an x5c': await stranger.sign(claims, { kid: key.kid, x5c: ['MIIB'] }),
      'another payload': `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: 'bob' })).toString('base64url')}.${signature}`,
      'no signature': `${head}.${body}.`,
      'two parts': `${head}.${body}`,
      'no token': 'x',
      nothing: '',
    }
    for (const [name, token] of Object.entries(tokens)) {
      t.match(await verify(token), { kind: 'refused', reason: /./ }, name)
    }
  })

  await t.test('with an extension that is not understood is refused', async t => {
    const privateKey = createPrivateKey({ key: key.jwk, format: 'jwk' })
    const byHand = (header: object) => {
      const parts = [{ alg: 'RS256', kid: key.kid, ...header }, claims]
      const text = parts
        .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
    }
    t.match(await verify(byHand({})), { kind: 'verified' })
    t.match(await verify(byHand({ crit: ['x'], x: 1 })), { kind: 'refused' })
  })

  await t.test('of another kind is refused, whoever signed it (RV-09)', async t => {
    for (const typ of ['logout+jwt', 'at+jwt', 'application/at+jwt', 'secevent+JWT']) {
      t.match(await verify(await signed({}, { typ })), { kind: 'refused' }, typ)
    }
  })

  await t.test('that is encrypted is refused at once (LG-07)', async t => {
    const started = performance.now()
    const zeros = Buffer.alloc(1024 * 1024)
    const bomb = await new CompactEncrypt(zeros)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(Buffer.alloc(32))
    t.match(await verify(bomb), { kind: 'refused' })
    const header = { alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 1e9, p2s: 'AAAA' }
    const slow = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.AA.AA.AA.AA`
    t.match(await verify(slow), { kind: 'refused' })
    t.ok(performance.now() - started < 5_000)
  })

  await t.test('is not judged while the keys cannot be had', async t => {
    lying.answers.delete('/jwks')
    const stranger = await signingKey()
    t.match(await verify(await stranger.sign(claims)), { kind: 'unavailable', reason: /keys/ })
    t.match(await verify(await signed({})), { kind: 'verified' }, 'known keys serve on (LG-20)')
  })

  await t.test('with strange names in it does no harm (LG-09)', async t => {
    const odd = JSON.parse(
      `{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}`,
    )
    lying.reset()
    const verdict = await verify(await signed({ ...odd, ['__proto__']: { admin: true } }))
    t.equal(verdict.kind, 'verified')
    t.notOk('admin' in {})
    t.notOk(verdict.kind === 'verified' && 'admin' in verdict.claims)
  })
})
