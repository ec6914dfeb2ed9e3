import type { ServerMetadata } from 'openid-client'

/** Answers the address of the keys. Throws where the metadata are of another issuer or lack what a login needs. */
export const checkMetadata = (metadata: ServerMetadata, issuer: string, isHttps: boolean): URL => {
  // openid-client compares URLs, for which `https://id.example` and `https://id.example/` are one.
  if (metadata.issuer !== issuer) throw new Error('the metadata are of another issuer')
  const endpoint = (name: 'authorization_endpoint' | 'token_endpoint' | 'jwks_uri'): URL => {
    const text = metadata[name]
    if (typeof text !== 'string' || !URL.canParse(text)) throw new Error(`no ${name}`)
    const url = new URL(text)
    if (url.protocol !== 'https:' && (isHttps || url.protocol !== 'http:')) {
      throw new Error(`${name} is not https`)
    }
    return url
  }
  endpoint('authorization_endpoint')
  endpoint('token_endpoint')
  return endpoint('jwks_uri')
}
