// Nothing of a ticket or a token is anywhere it could be read: not in Redis, not in what it was asked, not in the log.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

t.test(
  'keys, values, MONITOR, the AOF file and the log at trace level hold no secret (CK-08, TK-03, LO-01)',
  async t => {
    const redis = await startRedis(t)
    const api = createLoginApi()
    const upstream = await startUpstream(t, api.answer)
    const gateway = await startGateway(t, `redis: { url: ${redis.url} }\n${routesTo(upstream.url)}`)

    const monitor = spawn('redis-cli', ['-p', String(redis.port), 'monitor'])
    t.teardown(() => void monitor.kill())
    let monitored = ''
    monitor.stdout.on('data', chunk => {
      monitored += chunk
    })
    await once(monitor.stdout, 'data')

    const sessions = []
    for (const user of ['alice', 'bob']) sessions.push(await login(gateway, user))
    for (const { cookie } of sessions) {
      for (let i = 0; i < 5; i++) await get(gateway, '/api/x?token=query-canary', cookie)
      await get(gateway, '/auth/session', cookie)
    }
    // Errors of every kind, whose objects hold headers and commands.
    const [first, second] = sessions
    await fetch(`${gateway.url}/api/login`, { method: 'POST', body: 'not json' })
    await get(gateway, '/auth/logout', first?.cookie ?? '', { method: 'POST' })
    await redis.client.echo('the last command')
    while (!monitored.includes('the last command')) await once(monitor.stdout, 'data')

    let stored = ''
    for (const key of await redis.client.keys('*')) {
      stored += `${key}\n${(await redis.client.dumpBuffer(key))?.toString('latin1')}\n`
    }
    t.match(stored, 'claimcheck:session:', 'there is something to search in')
    const aof = join(redis.dir, 'appendonlydir')
    for (const file of readdirSync(aof)) stored += readFileSync(join(aof, file), 'latin1')

    upstream.requests.length = 0
    await redis.stop()
    await get(gateway, '/api/x', second?.cookie ?? '')
    await login(gateway, 'carol')

    const secrets = [
      ...sessions.map(({ ticket }) => ticket),
      ...api.issued.flatMap(token => token.split('.').slice(1)),
      ...['refresh-alice-canary', 'refresh-bob-canary'],
    ]
    t.ok(secrets.every(secret => secret.length > 15))
    t.match(monitored, 'claimcheck:session:')
    t.match(gateway.log(), '"handle":"')
    for (const secret of secrets) {
      t.notOk(stored.includes(secret), 'not in Redis')
      t.notOk(monitored.includes(secret), 'not in a command')
      t.notOk(gateway.log().includes(secret), 'not in the log')
    }
    t.notOk(gateway.log().includes('query-canary'), 'no query in the log (LO-05)')
    for (const key of ['claimcheck:session:', 'claimcheck:user:api:']) t.match(stored, key)
  },
)
