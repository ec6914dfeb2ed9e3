import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cookiesOf, exchange } from '../http.js'
import { freePort } from '../lab.js'

const binary = '/usr/sbin/apache2'
const modules = '/usr/lib/apache2/modules'
const root = process.getuid?.() === 0

const names = ['mpm_event', 'authz_core', 'authn_core', 'authz_user', 'headers']
const load = [...names, 'proxy', 'proxy_http', 'auth_openidc'].map(
  name => `LoadModule ${name}_module ${modules}/mod_${name}.so`,
)

const config = ({ dir, port, upstream, redis, issuer }) => `
${load.join('\n')}
ServerName localhost
ServerRoot ${dir}
DefaultRuntimeDir ${dir}
PidFile ${dir}/apache.pid
ErrorLog ${dir}/apache-error.log
LogLevel warn
Listen 127.0.0.1:${port}
${root ? 'User www-data\nGroup www-data' : ''}
StartServers 1
ServerLimit 1
ThreadLimit 256
ThreadsPerChild 256
MaxRequestWorkers 256
MinSpareThreads 1
MaxSpareThreads 256
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 120

OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID bench
OIDCClientSecret "the secret that the provider and the gateway share"
OIDCRedirectURI http://localhost:${port}/oidc/callback
OIDCCryptoPassphrase "the benchmark encrypts its sessions with this"
OIDCScope openid
OIDCCacheType redis
OIDCRedisCacheServer 127.0.0.1:${redis.port}
OIDCSessionType server-cache
OIDCSessionInactivityTimeout 1800
OIDCPassClaimsAs environment

<Location />
  AuthType openid-connect
  Require valid-user
  RequestHeader unset Cookie
  RequestHeader set Authorization "expr=Bearer %{reqenv:OIDC_access_token}"
</Location>
<Location /api>
  ProxyPass http://127.0.0.1:${upstream.port}/api enablereuse=on keepalive=on max=256
</Location>
`

/** Follows redirects between gateway and provider, as a browser would, and gives the gateway's cookie. */
const logIn = async (port, issuer) => {
  const jars = new Map()
  let url = new URL(`http://localhost:${port}/api/1k`)
  for (let step = 0; step < 10; step++) {
    const jar = jars.get(url.port) ?? new Map()
    jars.set(url.port, jar)
    const headers = {
      Host: url.host,
      Accept: 'text/html',
      'Sec-Fetch-Mode': 'navigate',
      'Sec-Fetch-Dest': 'document',
      Cookie: [...jar.values()].join('; '),
    }
    const answer = await exchange(Number(url.port), { path: url.pathname + url.search, headers })
    for (const pair of cookiesOf(answer)) jar.set(pair.slice(0, pair.indexOf('=')), pair)
    if (answer.status === 200) return jar.get('mod_auth_openidc_session')
    if (answer.headers.location === undefined) {
      throw new Error(`login at ${issuer}: ${url} answered ${answer.status}: ${answer.body}`)
    }
    url = new URL(answer.headers.location, url)
  }
  throw new Error(`login at ${issuer} does not end`)
}

export const apache = {
  id: 'apache',
  title: 'Apache + mod_auth_openidc',
  peer: true,
  how: 'mpm_event, one process with 256 threads, keep-alive to both sides (256 pooled connections), no access log; mod_auth_openidc with server-side sessions in its Redis cache, encrypted as by default, claims passed as environment only. Logged in through oidc-provider; the upstream gets the access token, a JWT.',
  missing: () =>
    existsSync(binary) && existsSync(`${modules}/mod_auth_openidc.so`)
      ? undefined
      : 'Apache is not installed (Debian: apache2 libapache2-mod-auth-openidc)',
  start: async ({ lab, upstream, redis, sessions }) => {
    const [port, providerPort] = [await freePort(), await freePort()]
    const issuer = `http://localhost:${providerPort}`
    const file = fileURLToPath(new URL('../provider.js', import.meta.url))
    const callback = `http://localhost:${port}/oidc/callback`
    const args = [file, String(providerPort), callback]
    const provider = await lab.run({ name: 'provider', args, port: providerPort })
    const conf = join(lab.dir, 'apache.conf')
    await writeFile(conf, config({ dir: lab.dir, port, upstream, redis, issuer }))
    const server = await lab.run({
      name: 'apache',
      command: binary,
      args: ['-f', conf, '-DFOREGROUND'],
      port,
      ipc: false,
    })
    const cookies = []
    for (let i = 0; i < sessions; i++) cookies.push(await logIn(port, issuer))
    await provider.stop()
    return { ...server, cookies }
  },
}
