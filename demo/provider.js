// An OpenID provider with a login page: access tokens (JWT) of some seconds, rotated refresh tokens,
// and log-out at both ends. oidc-provider is a development dependency, so this runs from a clone only.
//
//   CLIENT_SECRET=… PUBLIC_URL=http://localhost:8080 BACKCHANNEL_URL=http://… node demo/provider.js
//
// Prints one JSON line with its issuer, then one for each token call and each log-out.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { isPassword, nameOf } from './people.js'
import { freePort } from './processes.js'
import { errorPage, loggedOutPage, loginPage, logoutPage } from './provider-pages.js'
import { read, say } from './words.js'

// It says at length what a real provider should have instead of memory and loopback addresses.
console.warn = () => undefined
console.info = () => undefined
const { Provider } = await import('oidc-provider')

const { CLIENT_SECRET, PUBLIC_URL, BACKCHANNEL_URL, TOKEN_SECONDS = '6' } = process.env
const tokenSeconds = Number(TOKEN_SECONDS)
const port = await freePort()
const issuer = `http://127.0.0.1:${port}`
const { privateKey } = await generateKeyPair('RS256', { extractable: true })

const show = html => ctx => {
  ctx.type = 'html'
  ctx.body = html
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'demo',
      client_secret: CLIENT_SECRET,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [`${PUBLIC_URL}/auth/callback`],
      post_logout_redirect_uris: [`${PUBLIC_URL}/auth/logout/callback`],
      backchannel_logout_uri: BACKCHANNEL_URL,
      backchannel_logout_session_required: true,
    },
  ],
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'demo' }] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
  conformIdTokenClaims: false,
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: nameOf(sub), email: `${sub}@example.com` }),
  }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  expiresWithSession: () => false,
  // The gateway belongs to the same people as the provider: nobody is asked for a consent.
  loadExistingGrant: async ({ oidc }) => {
    const { client, account } = oidc
    const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId })
    grant.addOIDCScope('openid profile email')
    await grant.save()
    return grant
  },
  ttl: {
    ...{ Session: 3600, Grant: 3600, IdToken: 300, RefreshToken: 3600, Interaction: 600 },
    AccessToken: tokenSeconds,
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:demo:api',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: '',
        audience: 'urn:demo:api',
        accessTokenFormat: 'jwt',
        accessTokenTTL: tokenSeconds,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => show(logoutPage(form))(ctx),
      postLogoutSuccessSource: show(loggedOutPage()),
    },
  },
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  renderError: (ctx, out) => show(errorPage(out))(ctx),
  // By default it refuses to send a log-out to the loopback.
  fetch: (url, { dispatcher: _, ...init } = {}) => fetch(url, init),
})

provider.on('grant.success', ({ oidc, body }) =>
  say({ event: 'issued', grant: oidc.params.grant_type, token: body.access_token }),
)
provider.on('backchannel.success', (_ctx, _client, account) =>
  say({ event: 'logged_out', account }),
)
provider.on('backchannel.error', (_ctx, error) => say({ event: 'not_told', why: String(error) }))

const interact = async (req, res) => {
  const { uid } = await provider.interactionDetails(req, res)
  const asked = new URLSearchParams(req.method === 'POST' ? await read(req) : '')
  const user = asked.get('user') ?? ''
  if (isPassword(user, asked.get('password'))) {
    return provider.interactionFinished(req, res, { login: { accountId: user } })
  }
  const wrong = asked.has('user')
  res.writeHead(wrong ? 401 : 200, { 'content-type': 'text/html; charset=utf-8' })
  res.end(loginPage(uid, wrong))
}

const answer = provider.callback()
const server = createServer((req, res) => {
  const work = req.url.startsWith('/interaction/') ? interact(req, res) : answer(req, res)
  work.catch(error => {
    res.writeHead(400, { 'content-type': 'text/html; charset=utf-8' })
    res.end(errorPage({ error: error.error ?? 'error', error_description: String(error) }))
  })
})
server.listen(port, '127.0.0.1')
await once(server, 'listening')
say({ event: 'listening', issuer })
