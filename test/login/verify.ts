import { createHmac } from 'node:crypto'
import { exportJWK, exportSPKI } from 'jose'
import t, { type Test } from 'tap'
import type { KeySetLimits } from '../../src/login/key-set.ts'
import { createVerifier, type VerifyRules } from '../../src/login/verify.ts'
import { createKey, epoch, keySet, sign, startKeyServer } from '../fixtures/issuer.ts'

const sub = ['sub']
const base64url = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url')

const hmac = (secret: string | Buffer, claims: object, header: object = {}): string => {
  const input = `${base64url({ alg: 'HS256', ...header })}.${base64url({ sub: 'alice', exp: epoch(60), ...claims })}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

const key = await createKey('ES256', 'one')
const stranger = await createKey('ES256', 'one')

/** A verifier with the key published, and what is known of its server. */
const published = async (t: Test, rules: VerifyRules = {}, limits?: KeySetLimits) => {
  const server = await startKeyServer(t, await keySet(key))
  return { server, verify: createVerifier({ jwks: server.url, ...rules }, sub, limits) }
}

t.test('believes a token that a published key has signed', async t => {
  const { verify, server } = await published(t, { issuer: 'https://login.test', audience: 'api' })
  const exp = epoch(300)
  t.match(await verify(await sign(key, { exp, role: 'admin' })), {
    kind: 'verified',
    subject: 'alice',
    issuer: 'https://login.test',
    expires: exp * 1000,
    claims: { sub: 'alice', role: 'admin', aud: 'api' },
  })
  await verify(await sign(key))
  t.equal(server.count(), 1, 'with keys that are fetched once')
})

t.test('believes each of the algorithms that are allowed by default', async t => {
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    const own = await createKey(alg, alg)
    const server = await startKeyServer(t, await keySet(own))
    const verify = createVerifier({ jwks: server.url }, sub)
    t.match(await verify(await sign(own)), { kind: 'verified' }, alg)
  }
})

t.test('refuses an algorithm that is not on the list, without asking for keys', async t => {
  const { verify, server } = await published(t, { algorithms: ['RS256'] })
  t.match(await verify(await sign(key)), { kind: 'forged', reason: /"alg"/ })
  t.equal(server.count(), 0)
})

t.test('refuses forged tokens (LG-05)', async t => {
  const rsa = await createKey('RS256', 'rsa')
  const server = await startKeyServer(t, await keySet(key, rsa))
  const attacker = await startKeyServer(t, await keySet(stranger))
  const verify = createVerifier({ jwks: server.url }, sub, { cooldown: 60_000 })
  const genuine = await sign(key)
  const [header = '', payload = '', signature = ''] = genuine.split('.')
  const claims = { sub: 'root', exp: epoch(60) }
  const publicJwk = await exportJWK(stranger.public)

  const forged: Record<string, string> = {
    'signed by another key under the same id': await sign(stranger),
    'with another payload': `${header}.${base64url(claims)}.${signature}`,
    'without a signature': `${header}.${payload}.`,
    'with alg none': `${base64url({ alg: 'none' })}.${base64url(claims)}.`,
    'with alg None and the old signature': `${base64url({ alg: 'None' })}.${payload}.${signature}`,
    'HMAC with the public key as PEM': hmac(await exportSPKI(rsa.public), claims, { kid: 'rsa' }),
    'HMAC with the published key set': hmac(await keySet(rsa), claims, { kid: 'rsa' }),
    'with its own key embedded': await sign(stranger, claims, { jwk: publicJwk, kid: undefined }),
    'with the address of its own key set': await sign(stranger, claims, { jku: attacker.url }),
    'with the address of a certificate': await sign(stranger, claims, { x5u: attacker.url }),
    'with a critical extension': await sign(key, claims, { crit: ['x'], x: 1 }).catch(() => ''),
    'of a key id that nobody knows': await sign({ ...stranger, kid: 'two' }),
    'with an unencoded payload': `${base64url({ alg: 'ES256', b64: false, crit: ['b64'] })}.{}.${signature}`,
  }
  for (const [how, token] of Object.entries(forged)) {
    t.match(await verify(token), { kind: 'forged' }, how)
  }
  t.match(await verify(genuine), { kind: 'verified' }, 'while the genuine one is believed')
  t.equal(attacker.count(), 0, 'nobody asks the addresses in a header')
  t.equal(server.count(), 1, 'a flood of them is not passed on (LG-20)')
})

t.test('refuses a critical extension that it does not know', async t => {
  const verify = createVerifier({ secret: 'x'.repeat(32) }, sub)
  const token = hmac('x'.repeat(32), {}, { crit: ['urn:x'], 'urn:x': 1 })
  t.match(await verify(token), { kind: 'forged', reason: /urn:x/ })
})

t.test('refuses encrypted tokens and other text at once (LG-07)', async t => {
  const { verify, server } = await published(t)
  const bomb = base64url({
    alg: 'PBES2-HS256+A128KW',
    enc: 'A128GCM',
    p2c: 1e9,
    p2s: 'AA',
    zip: 'DEF',
  })
  const texts = [
    `${bomb}.AA.AA.AA.AA`,
    'opaque',
    '..',
    'a.b.c',
    '',
    `${bomb}..`,
    'a.'.repeat(500_000),
  ]
  for (const text of texts) {
    t.match(await verify(text), { kind: 'forged' }, text.slice(0, 20))
  }
  t.equal(server.count(), 0)
})

t.test('refuses claims that are missing or do not fit (LG-06)', async t => {
  const { verify } = await published(t, { issuer: 'https://login.test', audience: 'api' })
  const wrong: Record<string, Record<string, unknown>> = {
    'expired long ago': { exp: epoch(-3600) },
    'expired beyond the tolerance': { exp: epoch(-6) },
    'without exp': { exp: undefined },
    'with a textual exp': { exp: '9999999999' },
    'not yet valid': { nbf: epoch(60) },
    'of another issuer': { iss: 'https://login.test/' },
    'without issuer': { iss: undefined },
    'for another audience': { aud: 'other' },
    'for a list without us': { aud: ['other', 'apis'] },
    'without audience': { aud: undefined },
  }
  for (const [how, claims] of Object.entries(wrong)) {
    t.match(await verify(await sign(key, claims)), { kind: 'forged' }, how)
  }
  const right: Record<string, Record<string, unknown>> = {
    'for a list with us': { aud: ['other', 'api'] },
    'expired within the tolerance': { exp: epoch(-2) },
    'valid from a moment later': { nbf: epoch(2) },
  }
  for (const [how, claims] of Object.entries(right)) {
    t.match(await verify(await sign(key, claims)), { kind: 'verified' }, how)
  }
})

t.test('asks for issuer and audience only where they are configured', async t => {
  const { verify } = await published(t)
  const token = await sign(key, { iss: undefined, aud: undefined })
  t.match(await verify(token), { kind: 'verified', issuer: '' })
})

t.test('takes as subject a string or a safe integer of at most 255 bytes', async t => {
  const { verify } = await published(t)
  const subjectOf = async (value: unknown) => {
    const verdict = await verify(await sign(key, { sub: value as string }))
    return verdict.kind === 'verified' ? verdict.subject : verdict.kind
  }
  t.equal(await subjectOf('ä'.repeat(127)), 'ä'.repeat(127))
  t.equal(await subjectOf(42), '42')
  t.equal(await subjectOf(Number.MAX_SAFE_INTEGER), '9007199254740991')
  const refused = [
    '',
    'ä'.repeat(128),
    '\ud800',
    1.5,
    2 ** 53,
    true,
    null,
    {},
    ['alice'],
    undefined,
  ]
  for (const value of refused) {
    t.equal(await subjectOf(value), 'forged', String(JSON.stringify(value)).slice(0, 20))
  }
})

t.test('finds the subject where the pointer says', async t => {
  const server = await startKeyServer(t, await keySet(key))
  const verify = createVerifier({ jwks: server.url }, ['user', 'id'])
  t.match(await verify(await sign(key, { user: { id: 7 } })), { subject: '7' })
  t.match(await verify(await sign(key)), { kind: 'forged', reason: /subject/ })
})

t.test('believes a shared secret, with HS256 unless told otherwise', async t => {
  const secret = 'a shared secret of enough length'
  const verify = createVerifier({ secret }, sub)
  t.match(await verify(hmac(secret, {})), { kind: 'verified', subject: 'alice' })
  t.match(await verify(hmac('another secret of enough length!', {})), { kind: 'forged' })
  t.match(await verify(hmac(secret, {}, { alg: 'HS384' })), { kind: 'forged', reason: /"alg"/ })
  t.match(await verify(await sign(key)), { kind: 'forged', reason: /"alg"/ })
  const strict = createVerifier({ secret, algorithms: ['HS512'] }, sub)
  t.match(await strict(hmac(secret, {})), { kind: 'forged', reason: /"alg"/ })
})

t.test('tells keys that cannot be had from a forged token', async t => {
  const { verify, server } = await published(t, {}, { timeout: 200, cooldown: 0, maxBytes: 2_000 })
  const token = await sign(key)
  const keys = await keySet(key)
  const elsewhere = await startKeyServer(t, keys)
  const answers: Record<string, Parameters<typeof server.answer>[0]> = {
    'an error': (_, res) => res.writeHead(500).end(),
    'a status that is not 200': (_, res) => res.writeHead(203).end(keys),
    'a redirect with keys': (_, res) => res.writeHead(302, { location: elsewhere.url }).end(keys),
    'a redirect': (_, res) => res.writeHead(302, { location: elsewhere.url }).end('moved'),
    HTML: (_, res) => res.setHeader('content-type', 'text/html').end('<p>Welcome</p>'),
    'no key set': '{"keys":"none"}',
    'a key without its numbers': '{"keys":[{"kty":"EC","crv":"P-256","kid":"one"}]}',
    silence: () => undefined,
    'a body that never ends': (_, res) => void res.write('{"keys":['),
    'a cut connection': (_, res) => void res.destroy(),
    'too much': (_, res) => res.end(`{"keys":[]${' '.repeat(3_000)}}`),
    'too much without end': (_, res) => {
      const more = () => {
        while (!res.destroyed && res.write(' '.repeat(1_000)));
      }
      res.on('drain', more)
      more()
    },
  }
  for (const [what, answer] of Object.entries(answers)) {
    server.answer(answer)
    const started = performance.now()
    t.match(await verify(token), { kind: 'unavailable', reason: /keys cannot be fetched: ./ }, what)
    t.ok(performance.now() - started < 4_000, `${what}, in its time`)
  }
  t.equal(elsewhere.count(), 0, 'redirects are not followed')

  server.answer(keys)
  t.match(await verify(token), { kind: 'verified' }, 'and is well again with its keys')
})

t.test('says why no key could be fetched', async t => {
  const { verify, server } = await published(t)
  await server.stop()
  t.match(await verify(await sign(key)), { kind: 'unavailable', reason: /ECONNREFUSED/ })
})

t.test('sees a rotation at the next login', async t => {
  const next = await createKey('ES256', 'two')
  const { verify, server } = await published(t, {}, { cooldown: 0 })
  await verify(await sign(key))
  server.answer(await keySet(next))
  t.match(await verify(await sign(next)), { kind: 'verified' }, 'to another id')

  const same = await createKey('ES256', 'two')
  server.answer(await keySet(same))
  t.match(await verify(await sign(same)), { kind: 'verified' }, 'behind the same id')
  t.match(await verify(await sign(next)), { kind: 'forged' }, 'after which the old key is dead')
  await server.stop()
  t.match(await verify(await sign(next)), { kind: 'unavailable' }, 'or unknown, without an answer')
})

t.test('tries each key that fits where tokens name none', async t => {
  const keys = await Promise.all([createKey(), createKey(), createKey()])
  const server = await startKeyServer(t, await keySet(...keys))
  const verify = createVerifier({ jwks: server.url }, sub)
  for (const one of keys) t.match(await verify(await sign(one)), { kind: 'verified' })
  t.match(await verify(await sign(await createKey())), { kind: 'forged' })
  const [first] = keys
  if (first === undefined) throw new Error('no key')
  const expired = await sign(first, { exp: epoch(-60) })
  t.match(await verify(expired), { kind: 'forged', reason: /"exp"/ })
})

t.test(
  'fetches once for many logins at a time, and once for many unknown keys (LG-20)',
  async t => {
    const { verify, server } = await published(t)
    const tokens = await Promise.all(
      Array.from({ length: 50 }, (_, i) => sign({ ...stranger, kid: `unknown-${i}` })),
    )
    const verdicts = await Promise.all(tokens.map(verify))
    t.ok(verdicts.every(({ kind }) => kind === 'forged'))
    for (const token of tokens) await verify(token)
    t.equal(server.count(), 1)
  },
)

t.test('known keys serve through an outage up to their age (LG-20)', async t => {
  const { verify, server } = await published(t, {}, { renewAfter: 0, cooldown: 60_000 })
  await verify(await sign(key))
  await verify(await sign(key))
  t.equal(server.count(), 2, 'they are fetched anew when it is time')
  await server.stop()
  t.match(await verify(await sign(key)), { kind: 'verified' })
  t.match(await verify(await sign({ ...stranger, kid: 'two' })), { kind: 'forged' })

  const old = await published(t, {}, { maxAge: 0 })
  await old.verify(await sign(key))
  await old.server.stop()
  t.match(await old.verify(await sign(key)), { kind: 'unavailable' })
})

t.test('no reason holds a part of the token', async t => {
  const { verify } = await published(t, { issuer: 'https://login.test' })
  const inHeader = await sign(key, {}, { alg: 'ES256', kid: await sign(stranger) })
  const tokens = [await sign(stranger), await sign(key, { iss: 'x' }), inHeader]
  for (const token of tokens) {
    const verdict = await verify(token)
    const reason = verdict.kind === 'verified' ? tokens.join() : verdict.reason
    for (const part of token.split('.')) t.notOk(reason.includes(part))
    t.ok(reason.length <= 300)
  }
})

t.test('a token that would not stay one header field is none (HD-04)', async t => {
  const secret = 'a-secret-of-the-test-that-is-long-enough-for-hs256'
  const byKey = (await published(t)).verify
  const bySecret = createVerifier({ secret }, sub)
  for (const [verify, token] of [
    [byKey, await sign(key)],
    [bySecret, hmac(secret, {})],
  ] as const) {
    t.match(await verify(token), { kind: 'verified' })
    const middle = token.length - 10
    for (const odd of ['\r\n', '\r\n\r\n', '\n', ' ', '\t']) {
      const within = token.slice(0, middle) + odd + token.slice(middle)
      for (const written of [token + odd, within]) {
        t.match(await verify(written), { kind: 'forged' }, JSON.stringify(odd))
      }
    }
  }
})
