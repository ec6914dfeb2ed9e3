import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readClientKey } from '../../src/login/client-key.ts'

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const pem = rsa.export(pkcs8).toString()

t.test('reads a key from a PEM, from a JWK, or from a file with either', async t => {
  const read = readClientKey(pem, undefined)
  t.match(read, { kind: 'key', key: { algorithm: 'RS256', keyId: undefined } })
  t.match(readClientKey(pem, 'k1'), { key: { keyId: 'k1' } })

  const jwk = JSON.stringify({ ...rsa.export({ format: 'jwk' }), alg: 'PS256', kid: 'k2' })
  t.match(readClientKey(jwk, undefined), { key: { algorithm: 'PS256', keyId: 'k2' } })
  t.match(readClientKey(jwk, 'k3'), { key: { keyId: 'k3' } }, 'what the config says wins')

  const dir = t.testdir()
  await writeFile(join(dir, 'key.pem'), pem)
  const fromFile = readClientKey(join(dir, 'key.pem'), undefined)
  t.ok(fromFile.kind === 'key' && fromFile.key.key.equals(rsa))
})

t.test('knows what a key can sign with', async t => {
  for (const [namedCurve, algorithm] of [
    ['P-256', 'ES256'],
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
  ]) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: namedCurve ?? '' })
    t.match(readClientKey(privateKey.export(pkcs8).toString(), undefined), { key: { algorithm } })
  }
  const ed25519 = generateKeyPairSync('ed25519').privateKey.export(pkcs8).toString()
  t.match(readClientKey(ed25519, undefined), { key: { algorithm: 'Ed25519' } })
})

t.test('refuses what is no such key, without quoting it', async t => {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const curve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey
  const locked = rsa.export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'x' }).toString()
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const wrongAlg = JSON.stringify({ ...rsa.export({ format: 'jwk' }), alg: 'ES256' })
  for (const [text, reason] of [
    [short.export(pkcs8).toString(), /2048 bits/],
    [curve.export(pkcs8).toString(), /P-256/],
    [generateKeyPairSync('x25519').privateKey.export(pkcs8).toString(), /P-256/],
    [locked, /private key/],
    [publicKey.export({ type: 'spki', format: 'pem' }).toString(), /private key/],
    [JSON.stringify(publicKey.export({ format: 'jwk' })), /private key/],
    ['{"kty":', /private key/],
    [wrongAlg, /alg/],
    ['/no/such/file', /no such file/],
  ] as const) {
    const read = readClientKey(text, undefined)
    t.match(read, { kind: 'refused', reason })
    const part = text.slice(-40, -30) || text
    t.ok(read.kind === 'refused' && !read.reason.includes(part))
  }
})
