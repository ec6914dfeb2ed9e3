// One refresh a session over all gateways, however many requests want it and however slow the provider is.
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type GatewayProcess, spawnGateway } from '../fixtures/process.ts'
import { clientId, createJar, startProvider } from '../fixtures/provider.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

/** Seconds that the provider takes; .ci/run asks for all of them, and for the killed gateway. */
const thorough = process.env['CLAIMCHECK_THOROUGH'] === '1'
const delays = thorough ? [0, 1, 3, 9] : [0, 1]

type Test = Parameters<typeof startRedis>[0]

const payloadOf = (authorization: string): { exp: number } =>
  JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString())

const start = async (t: Test, timeout: string) => {
  const redis = await startRedis(t)
  const publicPort = await freePort()
  const publicUrl = `http://localhost:${publicPort}`
  const provider = await startProvider(t, { publicUrl, accessTokenLife: 4 })
  const seen: { at: number; authorization: string }[] = []
  const upstream = await startUpstream(t, (req, res) => {
    seen.push({ at: Date.now(), authorization: req.headers.authorization ?? '' })
    res.end('fine')
  })
  const yaml = `redis: { url: ${redis.url} }
oidc:
  issuer: ${provider.issuer}
  clientId: ${clientId}
  clientSecret: "${provider.clientSecret}"
  refreshBefore: 1s
  timeout: ${timeout}
routes:
  - { path: /api, upstream: "${upstream.url}" }
`
  const gateways = [
    await spawnGateway(t, yaml, { publicPort }),
    await spawnGateway(t, yaml, { publicPort }),
  ] as const
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  t.teardown(() => agent.destroy())

  const ask = ({ port }: GatewayProcess, path: string, headers: Record<string, string>) =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
      request({ port, path, agent, headers }, res => {
        res.resume()
        res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers }))
        res.on('error', reject)
      })
        .on('error', reject)
        .end()
    })
  const navigation = {
    'sec-fetch-site': 'none',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  }
  const cookieOf = (answer: { headers: NodeJS.Dict<string | string[]> }, name: string) =>
    [answer.headers['set-cookie'] ?? []]
      .flat()
      .find(line => line.startsWith(`${name}=`))
      ?.split(';')[0] ?? ''

  /** A session whose access token has just run out, unused. */
  const expired = async (): Promise<{ cookie: string; 'sec-fetch-site': string }> => {
    provider.state.accessTokenLife = 4
    const started = await ask(gateways[0], '/auth/login', navigation)
    const login = cookieOf(started, '__Host-Http-login')
    const back = await provider.browse(createJar(), String(started.headers['location']))
    const done = await ask(gateways[0], back.pathname + back.search, {
      ...navigation,
      cookie: login,
    })
    const cookie = cookieOf(done, '__Host-Http-session')
    provider.state.accessTokenLife = 300
    // Nothing announces that a token runs out but the clock.
    await sleep(4_000)
    provider.state.tokenCalls.length = 0
    seen.length = 0
    return { cookie, 'sec-fetch-site': 'same-origin' }
  }
  return { redis, provider, gateways, ask, expired, seen }
}

t.test(
  '200 requests on two gateways at the moment of expiry: one token call, nobody logged out (TK-05, TK-06)',
  async t => {
    const { provider, gateways, ask, expired, seen } = await start(t, '10s')
    for (const delay of delays) {
      const headers = await expired()
      provider.state.before = async path => {
        if (path === '/token') await sleep(delay * 1000)
      }
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          ask(i % 2 === 0 ? gateways[0] : gateways[1], '/api/x', headers),
        ),
      )
      const statuses = new Map<number, number>()
      for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1)
      t.strictSame([...statuses], [[200, 200]], `provider takes ${delay} s`)
      t.strictSame(provider.state.tokenCalls, [{ grant: 'refresh_token', error: undefined }])
      t.ok(
        seen.every(({ at, authorization }) => at < payloadOf(authorization).exp * 1000),
        'no expired token was sent',
      )
      provider.state.before = async () => undefined
    }
  },
)

const steps = [
  'it asked',
  'the provider is asked',
  'the token is rotated',
  'it is forwarded',
] as const

t.test('the client leaves at each step: the rotated token is not lost (FL-09)', async t => {
  const { provider, gateways, ask, expired, seen } = await start(t, '10s')
  for (const step of steps) {
    const headers = await expired()
    const leaving = request({ port: gateways[0].port, path: '/api/x', headers })
    leaving.on('error', () => undefined)
    const leaveAt = (reached: (typeof steps)[number]) => {
      if (reached === step) leaving.destroy()
    }
    provider.state.before = async path => {
      if (path === '/token') leaveAt('the provider is asked')
    }
    provider.state.after = async path => {
      if (path === '/token') leaveAt('the token is rotated')
    }
    leaving.end(() => leaveAt('it asked'))
    if (step === 'it is forwarded') {
      await until(() => seen.length > 0)
      leaveAt(step)
    }
    await until(() => leaving.destroyed)
    await until(async () => {
      const { status, headers: answer } = await ask(gateways[1], '/api/x', headers)
      if (status === 503) t.ok(answer['retry-after'])
      else t.equal(status, 200, `it left when ${step}`)
      return status === 200
    })
    t.strictSame(provider.state.tokenCalls, [{ grant: 'refresh_token', error: undefined }])
    provider.state.before = async () => undefined
    provider.state.after = async () => undefined
  }
})

t.test('Redis is away in mid-refresh for longer than one takes: nobody is logged out', async t => {
  const { redis, provider, gateways, ask, expired } = await start(t, '1s')
  const headers = await expired()
  let atProvider = false
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  provider.state.after = async path => {
    if (path !== '/token') return
    atProvider = true
    await held
  }
  const first = ask(gateways[0], '/api/x', headers)
  await until(() => atProvider)
  redis.pause()
  release()
  // The provider's time-out, the margin, and more: nothing announces that time passes.
  await sleep(8_000)
  redis.resume()
  // The gateway that has nothing to save is asked first, and all the time.
  for (const gateway of [gateways[1], gateways[0]]) {
    await until(async () => {
      const { status, headers: answer } = await ask(gateway, '/api/x', headers)
      if (status === 503 && answer['retry-after'] !== undefined) return false
      t.equal(status, 200)
      return true
    })
  }
  t.match(await first, { status: /^(200|503)$/ })
  t.strictSame(provider.state.tokenCalls, [{ grant: 'refresh_token', error: undefined }])
})

if (thorough)
  t.test('the refreshing gateway is killed: the other takes over', async t => {
    const { provider, gateways, ask, expired } = await start(t, '2s')
    const headers = await expired()
    let asked = 0
    let release = () => {}
    provider.state.before = async path => {
      if (path !== '/token' || asked++ > 0) return
      // The first refresh never gets as far as the rotation.
      await new Promise<void>(resolve => {
        release = resolve
      })
      throw new Error('the caller is gone')
    }
    const lost = ask(gateways[0], '/api/x', headers).catch(() => undefined)
    await until(() => asked === 1)
    gateways[0].child.kill('SIGKILL')
    await lost
    await until(async () => {
      const { status, headers: answer } = await ask(gateways[1], '/api/x', headers)
      if (status === 503) t.ok(answer['retry-after'], 'who waited too long may come again')
      else t.equal(status, 200)
      return status === 200
    })
    release()
  })
