import t from 'tap'
import { endpointTable } from '../../src/http/endpoints.ts'
import { loginEndpointTable } from '../../src/http/login-endpoints.ts'
import { createOwnMatch } from '../../src/http/own-endpoints.ts'
import { readTarget } from '../../src/proxy/target.ts'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo, send } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const table = [...endpointTable, ...loginEndpointTable]
const handle = 'a'.repeat(64)

t.test('which endpoints other sites may reach is a closed list (CS-06)', async t => {
  const named = (access: string) =>
    table.filter(one => one.access === access).map(({ method, path }) => `${method} ${path}`)
  t.strictSame(named('open'), ['GET /callback', 'GET /logout/callback', 'POST /backchannel-logout'])
  t.strictSame(named('page').sort(), ['GET /devices', 'GET /login'])
})

t.test('what is in no table is not served (CS-06)', async t => {
  const match = createOwnMatch('/auth', table)
  const matched = (path: string, method = 'GET') => {
    const target = readTarget(path, 'http://localhost')
    if (target.kind !== 'target') throw new Error(path)
    return match(target, method)
  }
  t.match(matched('/auth/session'), { kind: 'own', endpoint: { path: '/session' } })
  t.match(matched(`/auth/sessions/${handle}`, 'DELETE'), { kind: 'own' })
  for (const path of ['/auth', '/auth/', '/auth/debug', '/auth/session/', '/AUTH/session']) {
    t.match(matched(path), { kind: 'refused', code: 'not_found' }, path)
  }
  t.match(matched('/auth/session', 'POST'), { code: 'method_not_allowed', allow: 'GET' })
  t.match(matched('/authentic'), { kind: 'other' })
})

t.test('every other endpoint refuses another site before it does anything (CS-06)', async t => {
  const redis = await startRedis(t)
  const api = await startUpstream(t, createLoginApi().answer)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url}, commandTimeout: 10s }
oidc: { issuer: "http://127.0.0.1:9", clientId: gateway, clientSecret: pR7q-9vXw2_kLm4-tZ8 }
${routesTo(api.url)}`,
  )
  const { response, cookie, ticket } = await login(gateway, 'alice')
  t.equal(response.status, 200)
  const forged = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', cookie }
  const url = ({ path }: { path: string }) =>
    `${gateway.url}/auth${path.replace(':handle', handle)}`
  for (const endpoint of table) {
    const { method, path, access } = endpoint
    const { status } = await send(url(endpoint), { method, headers: forged })
    if (access === 'open') t.not(status, 403, `${method} ${path}`)
    else t.equal(status, 403, `${method} ${path}`)
  }
  t.equal((await get(gateway, '/api/x', cookie)).status, 200, 'the session lives on')

  // CS-12: there is no double submit; a pair that a script or a sibling could set opens nothing.
  for (const token of [ticket, 'x']) {
    for (const target of ['/auth/logout', '/api/x']) {
      const { status } = await send(gateway.url + target, {
        method: 'POST',
        headers: {
          ...forged,
          cookie: `${cookie}; csrf=${token}; XSRF-TOKEN=${token}`,
          'x-csrf-token': token,
          'x-xsrf-token': token,
        },
      })
      t.equal(status, 403, `CS-12: ${target}`)
    }
  }
  t.equal((await get(gateway, '/api/x', cookie)).status, 200)
})
