import { createHmac } from 'node:crypto'

/** Every token of the benchmark has this many characters: about what a provider issues with a few claims. */
export const tokenLength = 900
export const secret = 'the tiny login API of the benchmark signs with this'

const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url')

/** An HS256 JWT for `sub`, valid for a day, padded to `tokenLength` characters. */
export const createToken = sub => {
  const head = encode({ alg: 'HS256', typ: 'JWT' })
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: 'bench', sub, scope: 'orders:read', iat, exp: iat + 86_400, pad: '' }
  // Head, two dots and a signature of 43 characters; the rest is base64url of the claims.
  const bytes = Math.floor(((tokenLength - head.length - 45) * 3) / 4)
  claims.pad = 'x'.repeat(bytes - JSON.stringify(claims).length)
  const signed = `${head}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
