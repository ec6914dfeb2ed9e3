// The examples are what people copy: each is loaded as the gateway loads it, and three are run.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { createGateway } from '../src/gateway.ts'
import { createLog } from '../src/log.ts'
import { loadChecked } from '../src/process/load.ts'
import { testFolder } from './fixtures/gateway.ts'
import { createLoginApi, get, issue, login, secret, send } from './fixtures/login-api.ts'
import { clientId, createJar, startProvider } from './fixtures/provider.ts'
import { freePort, startRedis } from './fixtures/redis.ts'
import { startUpstream } from './fixtures/upstream.ts'

const folder = join(import.meta.dirname, '../examples')
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
const folders = ['existing-login-api', 'spa-with-oidc', 'two-upstreams']

const env = {
  ...{ JWT_SECRET: secret, OIDC_CLIENT_SECRET: 'pR7q-9vXw2_kLm4', REDIS_PASSWORD: 'hG5tR2wQ8z' },
  ...{ REDIS_URL: 'redis://127.0.0.1:6379', PUBLIC_URL: 'https://app.example.com' },
  ...{ OIDC_ISSUER: 'https://login.example.com', OIDC_CLIENT_ID: 'app' },
  UPSTREAM_URL: 'http://api:3000',
}

/** The config through the real loader. Secrets that are files on the real machine become variables. */
const load = async (t: Test, text: string) => {
  const file = join(await testFolder(t), 'claimcheck.yaml')
  await writeFile(file, text.replace(/\$\{file:[^}]+\}/g, env.OIDC_CLIENT_SECRET))
  return loadChecked(file, env)
}

/** A member of parsed YAML, by the names on the way. */
const at = (value: unknown, ...names: (string | number)[]): unknown =>
  names.reduce<unknown>(
    (found, name) => Object.getOwnPropertyDescriptor(Object(found), name)?.value,
    value,
  )

/** YAML documents without a mistake. */
const documentsOf = (t: Test, name: string): unknown[] =>
  parseAllDocuments(read(name)).map(document => {
    t.strictSame([...document.errors, ...document.warnings], [], name)
    return document.toJS()
  })

t.test('each config is sound, and its first line leads to the schema', async t => {
  for (const name of ['docker.yaml', ...folders.map(name => `${name}/claimcheck.yaml`)]) {
    const [first = ''] = read(name).split('\n', 1)
    const schema = /^# yaml-language-server: \$schema=(.+)$/.exec(first)?.[1] ?? ''
    t.ok(existsSync(resolve(folder, dirname(name), schema)), `${name}: ${schema}`)
    t.doesNotThrow(() => JSON.parse(readFileSync(resolve(folder, dirname(name), schema), 'utf8')))
    t.ok((await load(t, read(name))).config.routes.length > 0, name)
  }
  for (const name of folders) t.match(read(`${name}/README.md`), /^# .+\n\n[^\n]/)
})

t.test('nothing lies there that is not tested here', t => {
  const known = [
    'docker.yaml',
    'compose.yaml',
    'claimcheck.service',
    'kubernetes.yaml',
    'alerts.yaml',
    ...folders,
  ]
  const others = readdirSync(folder).filter(name => !known.includes(name))
  t.strictSame(
    others.filter(name => name.endsWith('.yaml')),
    [],
  )
  t.end()
})

t.test('compose: the embedded config is sound, only the gateway is published', async t => {
  const [compose] = documentsOf(t, 'compose.yaml')
  // Compose reads $$ as $.
  const text = String(at(compose, 'configs', 'claimcheck', 'content')).replaceAll('$$', '$')
  const { config } = await load(t, text)
  t.equal(config.routes.length, 2)
  const services = Object.entries(Object(at(compose, 'services')))
  t.strictSame(
    services.flatMap(([name, one]) => (at(one, 'ports') === undefined ? [] : name)),
    ['gateway'],
  )
  t.equal(at(compose, 'services', 'gateway', 'configs', 0, 'source'), 'claimcheck')
  const hosts = [config.redis.url, ...config.routes.map(({ upstream }) => upstream)]
  for (const url of hosts) {
    t.ok(
      services.some(([name]) => name === new URL(url ?? '').hostname),
      String(url),
    )
  }
  for (const volume of ['redis.conf', 'demo/api.js', 'package.json', 'Dockerfile']) {
    t.ok(existsSync(join(folder, '..', volume)), volume)
  }
})

t.test('systemd: each line is an assignment, the commands are those of the package', t => {
  const lines = read('claimcheck.service').split('\n')
  const settings = lines.filter(line => line !== '' && !line.startsWith('#'))
  for (const line of settings) t.match(line, /^(?:\[(?:Unit|Service|Install)\]|[A-Z]\w+=.*)$/)
  const commands = settings.flatMap(line => /^ExecStart(?:Pre)?=(.+)$/.exec(line)?.[1] ?? [])
  const { bin } = JSON.parse(readFileSync(join(folder, '../package.json'), 'utf8'))
  t.strictSame(
    commands,
    ['check', 'serve'].map(
      command =>
        `/usr/bin/node /opt/claimcheck/${bin.claimcheck} ${command} --config /etc/claimcheck/claimcheck.yaml`,
    ),
  )
  t.end()
})

t.test('kubernetes: the config is sound, and the manifests fit it and each other', async t => {
  const manifests = documentsOf(t, 'kubernetes.yaml')
  const kinds = manifests.map(one => at(one, 'kind'))
  t.strictSame(kinds, ['ConfigMap', 'Deployment', 'Service', 'NetworkPolicy', 'NetworkPolicy'])
  const [map, deployment, service, policy] = manifests
  const { config } = await load(t, String(at(map, 'data', 'claimcheck.yaml')))
  const pod = at(deployment, 'spec', 'template')
  const container = at(pod, 'spec', 'containers', 0)
  const [http, admin] = [config.listen, config.admin.listen].map(text => Number(text.split(':')[1]))
  t.match(at(container, 'ports'), [
    { name: 'http', containerPort: http },
    { name: 'admin', containerPort: admin },
  ])
  t.match(container, {
    livenessProbe: { httpGet: { path: '/livez', port: 'admin' } },
    readinessProbe: { httpGet: { path: '/readyz', port: 'admin' } },
    volumeMounts: [{ name: at(pod, 'spec', 'volumes', 0, 'name'), mountPath: '/etc/claimcheck' }],
  })
  t.equal(at(pod, 'spec', 'volumes', 0, 'configMap', 'name'), at(map, 'metadata', 'name'))
  const labels = at(pod, 'metadata', 'labels')
  t.strictSame(at(deployment, 'spec', 'selector', 'matchLabels'), labels)
  t.strictSame(at(service, 'spec', 'selector'), labels)
  t.equal(at(service, 'spec', 'ports', 0, 'targetPort'), 'http')
  t.strictSame(at(policy, 'spec', 'podSelector', 'matchLabels'), labels)
  t.equal(at(policy, 'spec', 'ingress', 0, 'ports', 0, 'port'), http)
  const set = JSON.stringify(at(container, 'env'))
  for (const [, name] of String(at(map, 'data', 'claimcheck.yaml')).matchAll(/\$\{(\w+)\}/g)) {
    t.ok(set.includes(`"name":"${name}"`), `${name} is set`)
  }
})

/** Runs an example: addresses and the public URL are this machine's, all else is as it is there. */
const run = async (t: Test, name: string, port: number, addresses: Record<string, string>) => {
  const redis = await startRedis(t)
  let text = read(`${name}/claimcheck.yaml`)
  const changes = {
    'publicUrl: [^ \n]+': `publicUrl: http://localhost:${port}\nlisten: 127.0.0.1:${port}\nadmin: { listen: "127.0.0.1:0" }`,
    ...addresses,
  }
  for (const [from, to] of Object.entries(changes)) {
    const changed = text.replace(new RegExp(from, 'g'), () => to)
    t.not(changed, text, `${from} is in the example`)
    text = changed
  }
  const file = join(await testFolder(t), 'claimcheck.yaml')
  const own = /^redis:/m.test(text) ? '' : `redis: { url: ${redis.url} }\n`
  await writeFile(file, text + own)
  const gateway = await createGateway(
    loadChecked(file, { ...env, REDIS_URL: redis.url }),
    createLog('silent'),
  )
  t.teardown(gateway.close)
  await gateway.listen()
  return { url: `http://127.0.0.1:${port}` }
}

t.test('existing-login-api runs: a login, a call, an app with a token of its own', async t => {
  const api = createLoginApi()
  const upstream = await startUpstream(t, (req, res, body) => void api.answer(req, res, body))
  const page = await startUpstream(t)
  const gateway = await run(t, 'existing-login-api', await freePort(), {
    'http://127.0.0.1:3000': upstream.url,
    'http://127.0.0.1:5173': page.url,
    'my-api': 'test-api',
  })
  const { cookie, text } = await login(gateway, 'alice')
  t.notMatch(text, /eyJ|refresh-alice/)
  const orders = await get(gateway, '/api/orders', cookie)
  t.match(await orders.json(), { authorization: `Bearer ${api.issued[0]}` })
  const token = await issue('app')
  const report = await send(`${gateway.url}/api/reports/1`, {
    headers: { authorization: `Bearer ${token}` },
  })
  t.match(await report.json(), { authorization: `Bearer ${token}` })
  t.equal((await send(`${gateway.url}/api/orders`)).status, 401)
  t.equal((await send(`${gateway.url}/`)).status, 200, 'the page is for everybody')
})

const navigation = {
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}

/** Logs in at the provider from the page at `path`; answers the session's cookie. */
const logIn = async (
  t: Test,
  gateway: { url: string },
  provider: Awaited<ReturnType<typeof startProvider>>,
  path: string,
): Promise<string> => {
  const challenge = await send(gateway.url + path, { headers: navigation })
  t.equal(challenge.status, 303)
  const started = await send(gateway.url + challenge.headers.get('location'), {
    headers: navigation,
  })
  const [cookie = ''] = started.headers.getSetCookie()[0]?.split(';') ?? []
  const back = await provider.browse(createJar(), started.headers.get('location') ?? '')
  const landed = await send(gateway.url + back.pathname + back.search, {
    headers: { ...navigation, 'sec-fetch-site': 'cross-site', cookie },
  })
  t.equal(landed.headers.get('location'), path)
  return landed.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

t.test('spa-with-oidc runs: pages lead to the login, administration is not for all', async t => {
  const api = await startUpstream(t, (req, res) => void res.end(req.headers.authorization))
  const page = await startUpstream(
    t,
    (req, res) => void res.end(req.headers.authorization ?? 'none'),
  )
  const port = await freePort()
  const provider = await startProvider(t, { publicUrl: `http://localhost:${port}` })
  const gateway = await run(t, 'spa-with-oidc', port, {
    'https://login.example.com/realms/main': provider.issuer,
    'clientId: spa': `clientId: ${clientId}`,
    '"\\$\\{file:[^}]+\\}"': JSON.stringify(provider.clientSecret),
    'http://127.0.0.1:3000': api.url,
    'http://127.0.0.1:5173': page.url,
  })
  const cookie = await logIn(t, gateway, provider, '/orders?page=2')
  t.match(await (await get(gateway, '/api/orders', cookie)).text(), /^Bearer eyJ/)
  t.equal((await get(gateway, '/api/admin/users', cookie)).status, 403)
  t.equal(await (await get(gateway, '/orders', cookie)).text(), 'none', 'pages get no token')
  t.equal((await send(`${gateway.url}/public/logo.svg`)).status, 200)
  const refused = await send(`${gateway.url}/api/orders`, {
    headers: { 'sec-fetch-site': 'same-origin' },
  })
  t.equal(refused.status, 401)
  t.match(await refused.json(), { login: '/auth/login' })
})

t.test('two-upstreams runs: each gets its own path, and what it may know', async t => {
  const orders = await startUpstream(t)
  const stock = await startUpstream(t)
  const port = await freePort()
  const provider = await startProvider(t, { publicUrl: `http://localhost:${port}` })
  const gateway = await run(t, 'two-upstreams', port, {
    'https://login.example.com': provider.issuer,
    'clientId: shop': `clientId: ${clientId}`,
    '"\\$\\{OIDC_CLIENT_SECRET\\}"': JSON.stringify(provider.clientSecret),
    ', orders:write\\]': ']',
    'http://127.0.0.1:3000': orders.url,
    'http://127.0.0.1:3001, http://127.0.0.1:3002': stock.url,
  })
  const cookie = await logIn(t, gateway, provider, '/')
  t.equal(await (await get(gateway, '/api/stock/tea', cookie)).text(), 'GET /tea')
  t.match(stock.requests.at(-1)?.headers, { 'x-user': 'alice', authorization: undefined })
  t.equal(await (await get(gateway, '/api/orders/7', cookie)).text(), 'GET /v2/orders/7')
  t.equal((await get(gateway, '/api/orders/7', cookie, { method: 'DELETE' })).status, 403)
})
