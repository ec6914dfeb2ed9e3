import { importPKCS8 } from 'jose'
import {
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  modifyAssertion,
  PrivateKeyJwt,
} from 'openid-client'
import type { ClientKey } from './client-key.ts'
import type { ClientAuthentication } from './oidc-plan.ts'

/** How the gateway proves who it is, at the provider's token and revocation endpoints and nowhere else. */
export const createClientAuth = (
  authentication: ClientAuthentication,
): (() => Promise<ClientAuth>) => {
  if (authentication.kind === 'key') {
    let imported: Promise<ClientAuth> | undefined
    return () => {
      imported ??= signWith(authentication.key)
      return imported
    }
  }
  const { secret, method } = authentication
  const basic = ClientSecretBasic(secret)
  const post = ClientSecretPost(secret)
  // OpenID Connect Discovery 1.0 section 3: where the metadata name no method, it is client_secret_basic.
  const whichever: ClientAuth = (server, client, body, headers) => {
    const taken = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const onlyPost = taken.includes('client_secret_post') && !taken.includes('client_secret_basic')
    return (onlyPost ? post : basic)(server, client, body, headers)
  }
  const chosen = method === undefined ? whichever : method === 'post' ? post : basic
  return async () => chosen
}

/** RFC 7523 section 3: a new assertion for each call, for a minute, with a `jti` of its own. */
const signWith = async ({ key, algorithm, keyId }: ClientKey): Promise<ClientAuth> => {
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  const imported = await importPKCS8(pem, algorithm)
  return PrivateKeyJwt(keyId === undefined ? imported : { key: imported, kid: keyId }, {
    [modifyAssertion]: header => {
      Object.assign(header, { alg: algorithm })
    },
  })
}
