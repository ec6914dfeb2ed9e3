import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import type { OidcConfig } from '../../src/config/schema-oidc.ts'
import { compile } from '../../src/login/oidc-plan.ts'

const oidc: OidcConfig = {
  ...{ issuer: 'https://login.example.com/realms/main', clientId: 'claimcheck', clientSecret: 'x' },
  ...{ scopes: ['openid', 'profile'], authorizationParams: {}, refreshBefore: 60_000 },
  ...{ timeout: 10_000, claims: ['sub'] },
}
const compiled = (changes: Partial<OidcConfig>, without: (keyof OidcConfig)[] = []) => {
  const config = { ...oidc, ...changes }
  for (const key of without) delete config[key]
  return compile({ publicUrl: 'https://app.example.com', authPath: '/auth', oidc: config })
}
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

t.test('makes a plan of the config, with addresses that come from publicUrl (LG-12)', async t => {
  const { plan, problems } = compiled({})
  t.same(problems, [])
  t.match(plan, {
    issuer: 'https://login.example.com/realms/main',
    scope: 'openid profile',
    redirectUri: 'https://app.example.com/auth/callback',
    postLogoutRedirectUri: 'https://app.example.com/auth/logout/callback',
    authentication: { kind: 'secret', secret: 'x', method: undefined },
    tokenParams: {},
  })
  const { plan: none } = compile({ publicUrl: 'https://app.example.com', authPath: '/auth' })
  t.equal(none, undefined, 'no plan without oidc')
})

t.test('names the resource at the token endpoint too (RFC 8707)', async t => {
  const resource = 'https://api.example.com'
  const { plan } = compiled({ authorizationParams: { resource, audience: 'x' } })
  t.same(plan?.tokenParams, { resource })
  t.same(plan?.authorizationParams, { resource, audience: 'x' })
})

t.test('takes a secret or a key, and not both', async t => {
  const method = compiled({ clientAuthentication: { method: 'post' } })
  t.match(method.plan, { authentication: { kind: 'secret', method: 'post' } })
  const key = compiled({ clientAuthentication: { privateKeyJwt: pem, keyId: 'k' } }, [
    'clientSecret',
  ])
  t.match(key.plan, { authentication: { kind: 'key', key: { algorithm: 'ES256', keyId: 'k' } } })

  const paths = (result: ReturnType<typeof compiled>) => {
    t.equal(result.plan, undefined)
    return result.problems.map(({ path }) => path)
  }
  t.same(paths(compiled({}, ['clientSecret'])), ['/oidc'])
  t.same(paths(compiled({ clientAuthentication: { privateKeyJwt: pem, method: 'basic' } })), [
    '/oidc/clientSecret',
    '/oidc/clientAuthentication/method',
  ])
  t.same(paths(compiled({ clientAuthentication: { keyId: 'k' } })), [
    '/oidc/clientAuthentication/keyId',
  ])
  t.same(
    paths(compiled({ clientAuthentication: { privateKeyJwt: '/no/such/file' } }, ['clientSecret'])),
    ['/oidc/clientAuthentication/privateKeyJwt'],
  )
})

t.test('finds what would make a login unsafe or impossible, all at once', async t => {
  for (const issuer of [
    'login.example.com',
    'http://login.example.com',
    'ftp://login.example.com',
    'https://login.example.com/?x',
    'https://login.example.com/#x',
    'https://user@login.example.com',
    'https://login.example.com /',
  ]) {
    t.match(compiled({ issuer }).problems, [{ path: '/oidc/issuer' }], issuer)
  }
  for (const issuer of ['http://127.0.0.1:4000', 'http://localhost', 'http://[::1]:1/realm']) {
    t.same(compiled({ issuer }).problems, [], issuer)
  }
  for (const scopes of [['profile'], ['openid', 'a b'], ['openid', 'a"b']]) {
    t.match(compiled({ scopes }).problems, [{ path: '/oidc/scopes' }], scopes.join())
  }
  const own = { state: 'x', redirect_uri: 'https://evil.example', request: 'x', prompt: 'login' }
  const { problems } = compiled({ authorizationParams: own, issuer: 'x', scopes: [] })
  t.same(
    problems.map(({ path }) => path),
    [
      ...['/oidc/issuer', '/oidc/scopes', '/oidc/authorizationParams/state'],
      ...['/oidc/authorizationParams/redirect_uri', '/oidc/authorizationParams/request'],
    ],
    'a parameter that the gateway sets cannot be doubled (LG-13)',
  )
})

t.test('knows which authentication classes the routes demand', async t => {
  const config = { publicUrl: 'https://app.example.com', authPath: '/auth', oidc }
  const routes = [{ require: { acr: ['phr', 'phrh'] } }, {}, { require: { acr: ['phr'] } }]
  t.same([...(compile({ ...config, routes }).plan?.acrs ?? [])], ['phr', 'phrh'])
  t.equal(compile(config).plan?.acrs.size, 0)
})
