// What caches between the gateway and the browser may keep of a session's answers.
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const other = 'https://other.example.com'

t.test(
  'answers to a session are private unless route and upstream both say otherwise (PX-15)',
  async t => {
    const redis = await startRedis(t)
    const api = await startUpstream(t, createLoginApi().answer)
    const upstream = await startUpstream(t, (req, res) => {
      const query = new URLSearchParams(req.url?.split('?')[1])
      for (const [name, value] of query) res.setHeader(name, value)
      res.end('data')
    })
    const gateway = await startGateway(
      t,
      `redis: { url: ${redis.url}, commandTimeout: 10s }\n${routesTo(
        api.url,
        `  - { path: /usual, upstream: "${upstream.url}" }
  - { path: /shared, upstream: "${upstream.url}", auth: optional, allowSharedCache: true, cors: { origins: ["${other}"] } }
  - { path: /open, upstream: "${upstream.url}", auth: none }`,
      )}`,
    )
    const { cookie } = await login(gateway, 'alice')
    const ask = async (path: string, value?: string, cookies = cookie) => {
      const query = value === undefined ? '' : `?cache-control=${encodeURIComponent(value)}`
      const { status, headers } = await get(gateway, path + query, cookies)
      const vary = headers.get('vary')?.split(', ') ?? []
      return { status, cache: headers.get('cache-control'), vary }
    }
    for (const [said, sent] of [
      [undefined, 'private'],
      ['public, max-age=60', 'private, max-age=60'],
      ['s-maxage=60', 'private'],
      ['no-store', 'no-store'],
      ['max-age=60', 'private, max-age=60'],
    ] as const) {
      for (const path of ['/usual/me', '/usual/me/x.css']) {
        t.match(await ask(path, said), { cache: sent, vary: ['Cookie'] }, `${said}`)
      }
    }
    for (const [said, sent, vary] of [
      [undefined, 'private', ['Cookie', 'Origin']],
      ['public, max-age=60', 'public, max-age=60', ['Origin']],
      ['s-maxage=60', 's-maxage=60', ['Origin']],
      ['no-store', 'no-store', ['Cookie', 'Origin']],
      ['max-age=60', 'private, max-age=60', ['Cookie', 'Origin']],
    ] as const) {
      for (const cookies of [cookie, '']) {
        t.strictSame(
          await ask('/shared/x', said, cookies),
          { status: 200, cache: sent, vary },
          `${said} ${cookies === '' ? 'without' : 'with'} a session`,
        )
      }
    }
    t.match(await ask('/open/x', 'public, max-age=60'), { cache: 'public, max-age=60', vary: [] })
    t.match(await ask('/usual/me', 'public', ''), { status: 401, cache: 'no-store' })
  },
)
