import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { browserHeaders, cookiesOf, exchange } from '../http.js'
import { freePort } from '../lab.js'
import { secret } from '../token.js'

const program = fileURLToPath(new URL('../../dist/cli/claimcheck.js', import.meta.url))
export const adminToken = 'the-benchmark-deletes-sessions-with-this-token'
let instances = 0

/** Logs `user` in through the captured login API: the cookie's `name=value`. */
export const logIn = async ({ port, publicPort }, user) => {
  const answer = await exchange(port, {
    method: 'POST',
    path: '/api/login',
    headers: {
      ...browserHeaders(publicPort),
      Origin: `http://localhost:${publicPort}`,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ user }),
  })
  const cookie = cookiesOf(answer)[0]
  if (cookie === undefined) throw new Error(`login answered ${answer.status}: ${answer.body}`)
  return cookie
}

/** Starts one gateway on a Redis of the run's own: `{ port, admin, prefix, pid, output, stop }`. */
export const startGateway = async ({ lab, upstream, redis }, options = {}) => {
  const [port, admin] = [await freePort(), await freePort()]
  const { log = 'info', cache = 'tracked', workers = 1, prefix = `bench-${instances++}:` } = options
  // Gateways that share sessions share the public address; each listens on a port of its own.
  const publicPort = options.publicPort ?? port
  const config = {
    publicUrl: `http://localhost:${publicPort}`,
    listen: `127.0.0.1:${port}`,
    admin: { listen: `127.0.0.1:${admin}`, token: adminToken },
    workers,
    log: { level: log },
    redis: { url: `redis://127.0.0.1:${redis.port}`, keyPrefix: prefix },
    session: { cache },
    // All of a run's users share one address.
    limits: { logins: { perAddress: 0, perAccount: 0 } },
    routes: [
      { path: '/api', upstream: upstream.url, websocket: true },
      {
        path: '/api/login',
        methods: ['POST'],
        upstream: upstream.url,
        auth: 'none',
        capture: {
          name: 'api',
          token: '/access_token',
          verify: { secret, issuer: 'bench', algorithms: ['HS256'] },
        },
      },
    ],
  }
  // JSON is YAML.
  const file = join(lab.dir, `claimcheck-${port}.yaml`)
  await writeFile(file, JSON.stringify(config, undefined, 2))
  const args = [program, 'serve', '--config', file]
  // Of the environment, LOG_LEVEL would win over the file.
  const env = { LOG_LEVEL: undefined }
  const server = await lab.run({ name: 'claimcheck', args, port, env })
  return { ...server, admin, prefix, publicPort }
}

const row = (id, title, how, options) => ({
  id,
  title,
  how,
  start: async context => {
    const server = await startGateway(context, options)
    const cookies = []
    for (let i = 0; i < context.sessions; i++) cookies.push(await logIn(server, `user-${i}`))
    return { ...server, cookies }
  },
})

export const claimcheck = row(
  'claimcheck',
  'claimcheck, log off',
  'The product with its defaults, one process, `log.level: silent`.',
  { log: 'silent' },
)
export const shipped = row(
  'shipped',
  'claimcheck, as shipped',
  'The same with its defaults unchanged: a log line for each request, written to a file.',
)
export const uncached = row(
  'uncached',
  'claimcheck, cache off',
  'The same with `session.cache: off` and `log.level: silent`: Redis is asked on every request.',
  { log: 'silent', cache: 'off' },
)
