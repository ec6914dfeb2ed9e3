import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createRedis, openConnection, type RedisLink } from '../../src/redis/client.ts'
import { startFakeRedis } from '../fixtures/fake-redis.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

const commandTimeout = 250

const link = (t: Test, url: string) => {
  const { log, lines, text } = recordLog()
  const redis = createRedis({ url, commandTimeout }, log)
  t.teardown(() => redis.close())
  const changes: string[] = []
  for (const event of ['up', 'down'] as const) redis.on(event, () => void changes.push(event))
  return {
    redis,
    lines,
    text,
    changes,
    errors: () => lines.filter(({ level }) => level === 'error'),
  }
}

/** Whether it settles before a timer of so many milliseconds; the timers of the client have to fire before it. */
const settles = (promise: Promise<unknown>, within: number): Promise<boolean> =>
  Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    sleep(within, false),
  ])

/** The first attempts after an outage come 50, 100, 150 … ms apart. */
const attempts = (redis: RedisLink, count: number) => {
  let seen = 0
  redis.data.on('reconnecting', () => void seen++)
  return until(() => seen >= count)
}

t.test(
  'FL-01 Redis refuses: the start goes on, commands fail at once, one line is logged',
  async t => {
    const port = await freePort()
    const { redis, errors, lines, changes } = link(t, `redis://user:sesame@127.0.0.1:${port}`)
    const several = attempts(redis, 4)
    await redis.connect()
    t.notOk(redis.ready())
    t.ok(await settles(redis.data.get('k'), commandTimeout / 2), 'nothing waits for a connection')
    await t.rejects(redis.data.get('k'), /isn't writeable/)
    await several
    t.match(errors(), [
      {
        msg: 'no connection to Redis',
        server: `redis://127.0.0.1:${port}`,
        reason: `connect ECONNREFUSED 127.0.0.1:${port}`,
      },
    ])
    t.equal(lines.length, 1)
    t.strictSame(changes, [])
  },
)

t.test('FL-03 Redis stops and starts: the link is back by itself', async t => {
  const server = await startRedis(t)
  const { redis, lines, changes } = link(t, server.openUrl)
  await Promise.all([redis.connect(), redis.connect()])
  await redis.connect()
  t.ok(redis.ready())
  t.equal(await redis.data.client('GETNAME'), 'claimcheck')
  await redis.data.set('k', 'v')

  await server.stop()
  await until(() => changes.length === 2)
  const several = attempts(redis, 3)
  t.notOk(redis.ready())
  await t.rejects(redis.data.get('k'))
  await several
  await server.start()
  await until(() => redis.ready())
  t.equal(await redis.data.get('k'), 'v')
  t.strictSame(changes, ['up', 'down', 'up'])
  t.match(
    lines.map(({ level, msg }) => [level, msg]),
    [
      ['info', 'connected to Redis'],
      ['error', 'no connection to Redis'],
      ['error', 'no connection to Redis'],
      ['info', 'connected to Redis'],
    ],
    'closed, then refused, each said once',
  )
})

t.test(
  'TK-13 FL-02 Redis hangs: bounded failures, and no late reply reaches another command',
  async t => {
    const server = await startRedis(t)
    const { redis, changes } = link(t, server.openUrl)
    await redis.connect()
    const names = Array.from({ length: 500 }, (_, index) => `key ${index}`)
    await Promise.all(names.map(name => redis.data.set(name, `value of ${name}`)))
    const expected = names.map(name => `value of ${name}`)
    const read = () => Promise.all(names.map(name => redis.data.get(name)))

    for (const late of [true, false]) {
      server.pause()
      const first = Promise.allSettled(names.map(name => redis.data.get(`other ${name}`)))
      t.ok(await settles(first, 2 * commandTimeout))
      const second = Promise.allSettled(names.map(name => redis.data.set(`late ${name}`, 'x')))
      t.ok(await settles(second, 2 * commandTimeout))
      if (late) await until(() => !redis.ready())
      server.resume()
      await until(() => redis.ready())
      let values: unknown
      await until(async () => {
        values = await read().catch(() => undefined)
        return values
      })
      t.strictSame(values, expected, 'each command got its own reply')
    }
    t.equal(changes[0], 'up')
  },
)

t.test('FL-02 Redis hangs for longer: the link is cut, so that no backlog builds up', async t => {
  const server = await startRedis(t)
  const { redis, changes, errors } = link(t, server.openUrl)
  await redis.connect()
  server.pause()
  await t.rejects(redis.data.get('k'), /timed out/)
  await until(() => changes.length === 2)
  t.match(errors()[0], { reason: /Socket timeout/ })
  t.ok(await settles(redis.data.set('k', 'late'), commandTimeout / 2), 'refused at once')
  server.resume()
  await until(() => redis.ready())
  t.equal(await redis.data.get('k'), null)
})

t.test('a wrong password is in the log without the password', async t => {
  const server = await startRedis(t, '--requirepass', 'open-sesame')
  const { redis, errors, text } = link(t, server.openUrl.replace('//', '//:close-sesame@'))
  const several = attempts(redis, 3)
  await redis.connect()
  await several
  t.match(errors(), [{ reason: /^WRONGPASS/ }])
  t.equal(errors().length, 1)
  t.notMatch(text(), /sesame/)

  const right = link(t, server.openUrl.replace('//', '//:open-sesame@'))
  await right.redis.connect()
  t.ok(right.redis.ready())
})

t.test(
  'a server that quotes the command it does not know is quoted without the password',
  async t => {
    const fake = await startFakeRedis(t, words =>
      words[0] === 'hello' ? `-ERR unknown, with args: ${words.join(' ')}\r\n` : '+OK\r\n',
    )
    const { redis, errors, text } = link(t, fake.url.replace('//', '//gateway:open-sesame@'))
    await redis.connect()
    await until(() => errors().length > 0)
    t.match(errors()[0], { reason: 'ERR unknown, with args: hello 3 AUTH gateway [password]' })
    t.notMatch(text(), /sesame/)
  },
)

t.test('over a Unix socket, with a user of its own and another database', async t => {
  const path = join((await startRedis(t)).dir, 'redis.sock')
  const server = await startRedis(t, '--unixsocket', path)
  await server.client.acl('SETUSER', 'gateway', 'on', '>p@ss', '~*', '+@all')
  const { redis } = link(t, `unix://gateway:p%40ss@${path}`)
  await redis.connect()
  t.equal(await redis.data.acl('WHOAMI'), 'gateway')

  const other = link(t, `${server.openUrl}/3`)
  await other.redis.connect()
  await other.redis.data.set('k', 'v')
  t.match(await other.redis.data.client('INFO'), / db=3 /)
})

t.test('FL-03 a demoted master is left; a new one is used again', async t => {
  const server = await startRedis(t)
  const { redis, changes } = link(t, server.openUrl)
  await redis.connect()
  await server.client.replicaof('127.0.0.1', 1)
  await t.rejects(redis.data.set('k', 'v'), /READONLY/)
  await until(() => changes.length === 3)
  await t.rejects(redis.data.set('k', 'v'), /READONLY/)
  t.ok(redis.ready(), 'not again within a second')
  await server.client.replicaof('NO', 'ONE')
  t.equal(await redis.data.set('k', 'v'), 'OK')
  t.strictSame(changes, ['up', 'down', 'up'])
})

t.test(
  'TK-13 a reply that no command waited for ends the connection, and is not logged',
  async t => {
    let connections = 0
    const fake = await startFakeRedis(t, words => {
      if (words[0] === 'hello') connections++
      return words[0] === 'get' ? '$5\r\nvalue\r\n$12\r\nsecret-reply\r\n' : undefined
    })
    const { redis, errors, text } = link(t, fake.url)
    await redis.connect()
    t.equal(await redis.data.get('k'), 'value')
    await until(() => connections === 2 && redis.ready())
    t.match(errors(), [{ reason: 'a reply came that no command waited for' }])
    t.notMatch(text(), /secret/)
  },
)

t.test('a server of another kind is an outage, not a crash', async t => {
  const port = await freePort()
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { redis, errors } = link(t, `redis://127.0.0.1:${port}`)
  const several = attempts(redis, 2)
  await redis.connect()
  await several
  t.notOk(redis.ready())
  t.match(errors()[0], { reason: /Unknown RESP type/ })
})

t.test('an error without words is named by its code', async t => {
  const { redis, errors } = link(t, (await startFakeRedis(t, () => undefined)).url)
  redis.data.emit('error', Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }))
  redis.data.emit('error', new AggregateError([]))
  t.match(errors(), [{ reason: 'ECONNREFUSED' }])
})

t.test('CF-07 what makes a server unfit for sessions is said once', async t => {
  const server = await startRedis(t)
  await server.client.config('SET', 'maxmemory-policy', 'allkeys-lru')
  const { redis, lines, changes } = link(t, server.openUrl)
  const warnings = () => lines.filter(({ level }) => level === 'warn')
  await redis.connect()
  await until(() => warnings().length === 1)
  t.match(warnings()[0], { server: server.openUrl, shortcoming: /^maxmemory-policy allkeys-lru/ })
  await server.client.config('SET', 'appendonly', 'no')
  await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await until(() => changes.length === 3 && warnings().length === 2)
  t.match(warnings()[1], { shortcoming: /^appendonly is off/ })
})

t.test('a server that does not let itself be asked is used as it is', async t => {
  const server = await startRedis(t)
  await server.client.acl('SETUSER', 'gateway', 'on', '>pw', '~*', '+@all', '-info')
  const warn = t.capture(console, 'warn')
  const { redis, lines } = link(t, server.openUrl.replace('//', '//gateway:pw@'))
  await redis.connect()
  t.equal(await redis.data.set('k', 'v'), 'OK')
  t.equal(lines.length, 1)
  t.match(warn.args(), [[/INFO command fails/]])
})

t.test('over rediss:// nothing is said in clear', async t => {
  const fake = await startFakeRedis(t, () => undefined)
  const { redis } = link(t, fake.url.replace('redis://', 'rediss://:open-sesame@'))
  await redis.connect()
  t.notOk(redis.ready())
  await until(() => fake.chunks.length > 0)
  t.equal(fake.chunks[0]?.charCodeAt(0), 0x16, 'a TLS handshake record')
  t.notMatch(fake.chunks.join(''), /sesame/)
})

t.test('only close() ends the link', async t => {
  const server = await startRedis(t)
  const { redis, changes } = link(t, server.openUrl)
  await redis.connect()
  redis.data.disconnect()
  await until(() => changes.length === 3)
  t.strictSame(changes, ['up', 'down', 'up'])

  redis.data.disconnect()
  await until(() => redis.data.status === 'end')
  await redis.close()
  t.equal(redis.data.status, 'end')
})

t.test('close() lets what was sent finish', async t => {
  const server = await startRedis(t)
  const { redis, lines } = link(t, server.openUrl)
  await redis.connect()
  const sent = redis.data.set('k', 'v')
  await redis.close()
  t.equal(await sent, 'OK')
  await until(() => redis.data.status === 'end')
  t.equal(lines.length, 1, 'an end on purpose is not an outage')
})

t.test('close() does not wait for a Redis that hangs or is away', async t => {
  const server = await startRedis(t)
  const hung = link(t, server.openUrl)
  await hung.redis.connect()
  server.pause()
  t.ok(await settles(hung.redis.close(), 2 * commandTimeout))
  const connecting = link(t, server.openUrl)
  await connecting.redis.connect()
  t.ok(await settles(connecting.redis.close(), commandTimeout))
  server.resume()
  await server.stop()
  const refused = link(t, server.openUrl)
  await refused.redis.connect()
  t.ok(await settles(refused.redis.close(), commandTimeout))
  const unused = link(t, server.openUrl)
  t.ok(await settles(unused.redis.close(), commandTimeout))
})

t.test('further connections are made from the same plan, with options of their own', async t => {
  const server = await startRedis(t, '--requirepass', 'open-sesame')
  const url = server.openUrl.replace('//', '//:open-sesame@')
  const redis = openConnection({ url, commandTimeout }, { protocol: 2, connectionName: 'second' })
  t.teardown(() => redis.disconnect())
  t.equal(redis.status, 'wait')
  await redis.connect()
  t.match(await redis.client('INFO'), /name=second .*resp=2/)
})
