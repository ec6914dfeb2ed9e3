import t from 'tap'
import { checkMetadata } from '../../src/login/metadata.ts'

const issuer = 'https://login.example.com'
const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
}

t.test('gives the address of the keys', async t => {
  t.equal(checkMetadata(metadata, issuer, true).href, `${issuer}/jwks`)
})

t.test('takes metadata of the configured issuer only, letter for letter (LG-04)', async t => {
  for (const other of [`${issuer}/`, 'https://LOGIN.example.com', 'https://evil.example', '']) {
    t.throws(() => checkMetadata({ ...metadata, issuer: other }, issuer, true), /issuer/, other)
  }
})

t.test('wants what a login needs, and over https', async t => {
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri']) {
    for (const value of [undefined, 7, '', '/relative', 'http://login.example.com/', 'ftp://x/']) {
      const changed: typeof metadata = { ...metadata, ...{ [name]: value } }
      t.throws(() => checkMetadata(changed, issuer, true), new RegExp(name), `${name}: ${value}`)
    }
    const local = { ...metadata, [name]: 'http://127.0.0.1:4000/x' }
    t.doesNotThrow(() => checkMetadata(local, issuer, false), 'a provider on this machine')
    const file = { ...metadata, [name]: 'file:///etc/passwd' }
    t.throws(() => checkMetadata(file, issuer, false))
  }
})
