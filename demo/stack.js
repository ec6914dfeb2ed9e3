// All that the demo is made of: a provider, an API, a site, and the gateway in front with a Redis of its own.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, start } from './processes.js'
import { startSite } from './site.js'

const script = path => fileURLToPath(new URL(path, import.meta.url))

const config = ({ port, adminPort, issuer, api, site }) => `# Written by the demo; gone with it.
publicUrl: http://localhost:${port}
listen: 127.0.0.1:${port}
admin: { listen: 127.0.0.1:${adminPort} }
redis: { url: embedded, dataDir: ./data }
oidc:
  issuer: ${issuer}
  clientId: demo
  clientSecret: "\${CLIENT_SECRET}"
  refreshBefore: 2s                       # the provider's tokens live six seconds
routes:
  - path: /api
    upstream: ${api}
  - path: /api/live
    upstream: ${api}
    websocket: true
  - path: /api/login                      # the API's own login, as it is
    methods: [POST]
    upstream: ${api}
    auth: none
    capture:
      name: api
      token: /access_token
      verify: { secret: "\${JWT_SECRET}", issuer: demo-api }
  - path: /app                            # a page for people who are logged in; it needs no token
    upstream: ${site}
    pages: true
    token: none
    claimHeaders: { X-Name: name }
  - path: /
    upstream: ${site}
    auth: none
`

const secret = () => randomBytes(32).toString('base64url')

/** Starts everything; resolves when the gateway listens. `edit` may change the config before. */
export const startStack = async (edit = text => text) => {
  const dir = await mkdtemp(join(tmpdir(), 'claimcheck-demo-'))
  const env = { JWT_SECRET: secret(), CLIENT_SECRET: secret() }
  const started = []
  const run = (path, args, more) => {
    const child = start(script(path), args, { ...env, ...more })
    started.push(child)
    return child
  }
  let site
  const stop = async () => {
    for (const child of started.reverse()) await child.stop().catch(() => undefined)
    site?.closeAllConnections()
    site?.close()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    const port = await freePort()
    const url = `http://localhost:${port}`
    const provider = run('./provider.js', [], {
      PUBLIC_URL: url,
      // The gateway listens on 127.0.0.1 only, which is not what every machine takes localhost for.
      BACKCHANNEL_URL: `http://127.0.0.1:${port}/auth/backchannel-logout`,
    })
    const { issuer } = await provider.wait(line => line.event === 'listening')
    const api = run('./api.js', [], { PROVIDER: issuer })
    const { port: apiPort } = await api.wait(line => line.event === 'listening')
    site = await startSite()
    const file = join(dir, 'claimcheck.yaml')
    const adminPort = await freePort()
    const upstreams = {
      api: `http://127.0.0.1:${apiPort}`,
      site: `http://127.0.0.1:${site.address().port}`,
    }
    await writeFile(file, edit(config({ port, adminPort, issuer, ...upstreams })))
    const gateway = run('../dist/cli/claimcheck.js', ['serve', '--config', file])
    await gateway.wait(line => line.msg === 'listening')
    const admin = `http://127.0.0.1:${adminPort}`
    const socket = join(dir, 'data', 'redis.sock')
    return { url, issuer, admin, file, socket, api, provider, gateway, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
