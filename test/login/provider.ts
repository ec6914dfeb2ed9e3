import { once } from 'node:events'
import { createServer } from 'node:https'
import t from 'tap'
import { createProvider } from '../../src/login/provider.ts'
import { planOf, publicUrl } from '../fixtures/login.ts'
import { faults, json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { startProvider } from '../fixtures/provider.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { until } from '../fixtures/until.ts'

/** For 127.0.0.1, signed by itself. */
const selfSigned = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgldikaB0qmejR46eS
qi0cQxi3w7kT+tC1f/YjdeOY9uyhRANCAATDhyA0DK2HI817M5zRdoTkJ0kYue2F
pVHzk8zU1V/F6OfpXkPAba33WYCROpgaTcl+HxvLMeVZC376eqdZe0Yj
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUK8wiAqMu6PZRTRvfjg+LE3ePopcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTIyMDk1MVoYDzIxMjYxMDI4
MjIwOTUxWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATDhyA0DK2HI817M5zRdoTkJ0kYue2FpVHzk8zU1V/F6OfpXkPAba33
WYCROpgaTcl+HxvLMeVZC376eqdZe0Yjo2QwYjAdBgNVHQ4EFgQUvPlruUumeqhS
V34bRZoRANwPCUowHwYDVR0jBBgwFoAUvPlruUumeqhSV34bRZoRANwPCUowDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQC
IDhIt530X6jEaK2IWmIB5433bQ44gsoPcPgXdgZdwK6VAiBaPUiMtCrAscv2gmV8
Yo1vsYmF6SWBlDgfcrlAVYSdhg==
-----END CERTIFICATE-----`,
}
const wellKnown = '/.well-known/openid-configuration'

t.test('a provider is discovered when it is needed, once', async t => {
  const lying = await startLyingProvider(t)
  const provider = createProvider(planOf(lying), recordLog().log)
  t.same(lying.requests, [])
  const [one, two] = await Promise.all([provider.discovered(), provider.discovered()])
  t.equal(one, two)
  t.equal(await provider.discovered(), one)
  t.equal(lying.count(wellKnown), 1)
  t.equal(one.metadata.issuer, lying.issuer)
})

t.test(
  'a provider that is down when the gateway starts is found when it is back (FL-06)',
  async t => {
    const provider = await startProvider(t, { publicUrl })
    await provider.stop()
    const { log, lines } = recordLog()
    const { discovered } = createProvider(planOf(provider), log)
    await t.rejects(discovered(), { code: 'provider_unavailable' })
    await t.rejects(discovered(), { code: 'provider_unavailable' })
    t.equal(lines.length, 1, 'it is not asked again at once')
    t.match(lines[0], { level: 'warn', msg: 'the provider cannot be discovered' })
    await provider.start()
    await until(async () => (await discovered().catch(() => undefined)) !== undefined)
    await provider.stop()
    t.equal((await discovered()).metadata.issuer, provider.issuer, 'known, it stays known')
  },
)

t.test('metadata that cannot be accepted are as none (LG-04, FL-07)', async t => {
  const lying = await startLyingProvider(t)
  const { metadata, answers, issuer } = lying
  const without = (name: keyof typeof metadata) => ({ ...metadata, [name]: undefined })
  const cases: Record<string, Parameters<typeof answers.set>[1]> = {
    ...faults,
    'another issuer': json({ ...metadata, issuer: 'https://evil.example' }),
    'an issuer with a slash more': json({ ...metadata, issuer: `${issuer}/` }),
    'no issuer': json(without('issuer')),
    'no authorization endpoint': json(without('authorization_endpoint')),
    'no token endpoint': json(without('token_endpoint')),
    'no keys': json(without('jwks_uri')),
    'keys at no URL': json({ ...metadata, jwks_uri: 'keys' }),
    'keys in a file': json({ ...metadata, jwks_uri: 'file:///etc/passwd' }),
    'a redirect': (_req, res) => res.writeHead(302, { location: '/elsewhere' }).end(),
  }
  for (const [name, answer] of Object.entries(cases)) {
    answers.set(wellKnown, answer)
    const { log, lines } = recordLog()
    const provider = createProvider(planOf(lying, { timeout: 200 }), log)
    await t.rejects(provider.discovered(), { code: 'provider_unavailable' }, name)
    t.ok(lines[0]?.['err'], 'the log says why')
  }
  t.equal(lying.count('/elsewhere'), 0)
})

t.test('a provider whose certificate nobody vouches for is not talked to (LG-19)', async t => {
  let requests = 0
  const server = createServer(selfSigned, () => requests++).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const plan = planOf({ issuer: `https://127.0.0.1:${address.port}`, clientSecret: 'x' })
  await t.rejects(createProvider(plan, recordLog().log).discovered(), {
    code: 'provider_unavailable',
    cause: { cause: { message: /certificate/ } },
  })
  t.equal(requests, 0)
})

t.test('metadata are asked for again after an hour, without anybody waiting', async t => {
  const lying = await startLyingProvider(t)
  const { discovered } = createProvider(planOf(lying), recordLog().log)
  const first = await discovered()
  const { now } = performance
  t.teardown(() => {
    performance.now = now
  })
  performance.now = () => now.call(performance) + 61 * 60_000

  lying.answers.set(wellKnown, json({ ...lying.metadata, scopes_supported: ['new'] }))
  t.equal(await discovered(), first, 'the old ones meanwhile')
  await until(async () => (await discovered()) !== first)
  const second = await discovered()
  t.match(second.metadata, { scopes_supported: ['new'] })
  t.equal(second.keys, first.keys, 'with the keys that are known')

  performance.now = () => now.call(performance) + 125 * 60_000
  lying.answers.set(wellKnown, json({ ...lying.metadata, jwks_uri: `${lying.issuer}/new` }))
  await until(async () => (await discovered()) !== second)
  t.not((await discovered()).keys, first.keys, 'unless they are elsewhere')

  performance.now = () => now.call(performance) + 190 * 60_000
  const third = await discovered()
  lying.answers.delete(wellKnown)
  const asked = lying.count(wellKnown)
  await discovered()
  await until(() => lying.count(wellKnown) > asked)
  t.equal(await discovered(), third, 'a failure changes nothing')
})
