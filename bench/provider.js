// An OpenID provider that logs everybody in at once: `node provider.js <port> <redirect_uri>`.
import { Provider } from 'oidc-provider'

const [port, redirectUri] = process.argv.slice(2)
const issuer = `http://localhost:${port}`
const resource = 'https://api.example.com'
let people = 0

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'bench',
      client_secret: 'the secret that the provider and the gateway share',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
  ],
  cookies: { keys: ['the benchmark signs the cookies of its provider with this'] },
  features: {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'openid',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 86_400,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  // The access token is about as long as everybody else's.
  extraTokenClaims: () => ({ pad: 'x'.repeat(80) }),
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  loadExistingGrant: async context => {
    const { client, session, params } = context.oidc
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
    grant.addOIDCScope(params.scope)
    grant.addResourceScope(resource, 'openid')
    await grant.save()
    return grant
  },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  ttl: { Session: 86_400, Grant: 86_400, IdToken: 86_400, Interaction: 600 },
})

provider.use(async (context, next) => {
  if (!context.path.startsWith('/interaction/')) return next()
  const login = { accountId: `user-${people++}` }
  await provider.interactionFinished(context.req, context.res, { login })
  context.respond = false
})
process.on('disconnect', () => process.exit())
provider.listen(Number(port), '127.0.0.1')
