import t from 'tap'
import { SetupError } from '../../src/errors.ts'
import {
  connectionOptions,
  retryDelay,
  serverName,
  withoutPassword,
} from '../../src/redis/options.ts'

const commandTimeout = 500
const of = (url: string) => connectionOptions({ url, commandTimeout })

t.test('a URL says where, as whom, which database, and whether over TLS', t => {
  t.match(of('redis://redis.internal'), { host: 'redis.internal', port: 6379, db: 0 })
  t.match(of('redis://:p%40ss@10.0.0.1:6380/2'), {
    host: '10.0.0.1',
    port: 6380,
    db: 2,
    password: 'p@ss',
  })
  t.match(of('redis://gateway:p%3Aw@[::1]'), { host: '::1', username: 'gateway', password: 'p:w' })
  t.match(of('unix:///run/with%20and space/redis.sock'), {
    path: '/run/with%20and space/redis.sock',
    username: undefined,
  })
  t.match(of('unix://gateway:p%40ss@/run/redis.sock'), {
    path: '/run/redis.sock',
    username: 'gateway',
    password: 'p@ss',
  })
  t.match(of('rediss://redis.internal').tls, {}, 'with the checks of Node as they are')
  t.equal(of('redis://redis.internal').tls, undefined)
  t.end()
})

t.test(
  'behind Sentinel the nodes are asked, and the URL gives credentials, database and TLS',
  t => {
    const sentinel = { name: 'mymaster', nodes: ['10.0.0.1:26379', '[::1]:26380'] }
    const plan = { url: 'rediss://gateway:pw@ignored:1/3', sentinel, commandTimeout }
    t.match(connectionOptions(plan), {
      name: 'mymaster',
      sentinels: [
        { host: '10.0.0.1', port: 26379 },
        { host: '::1', port: 26380 },
      ],
      host: undefined,
      username: 'gateway',
      password: 'pw',
      db: 3,
      tls: {},
      sentinelTLS: {},
      enableTLSForSentinelMode: true,
    })
    t.match(connectionOptions({ ...plan, url: 'redis://ignored' }), {
      tls: undefined,
      sentinelTLS: undefined,
    })
    t.equal(serverName(plan), 'mymaster at 10.0.0.1:26379, [::1]:26380')
    const wrong = { ...plan, sentinel: { name: 'mymaster', nodes: ['10.0.0.1'] } }
    t.throws(
      () => connectionOptions(wrong),
      new SetupError('redis.sentinel: 10.0.0.1 is not host:port'),
    )
    t.end()
  },
)

t.test('what cannot be used is refused without being quoted', t => {
  const urls = [
    ...['', 'redis.internal:6379', 'http://u:secret@redis', 'redis://', 'redis:///2', 'unix://x'],
    ...['redis://u:secret@host/x', 'redis://u:secret@host:99999', 'redis://u:secret@host?family=6'],
    ...['redis://u:%secret@host', 'unix://u:%secret@/run/redis.sock'],
  ]
  for (const url of urls) {
    try {
      of(url)
      t.fail(`${url} was taken`)
    } catch (error) {
      t.type(error, SetupError)
      t.notMatch(String(error), /secret/)
    }
  }
  t.end()
})

t.test('neither a name nor a text shows a password', t => {
  const plan = { url: 'redis://gateway:p%40ss@redis.internal:6379', commandTimeout }
  t.equal(serverName(plan), 'redis://redis.internal:6379')
  t.equal(serverName({ ...plan, url: 'unix://u:p@/run/redis.sock' }), 'unix:///run/redis.sock')
  t.equal(withoutPassword(plan, "with args: 'p@ss'"), "with args: '[password]'")
  t.equal(withoutPassword({ ...plan, url: 'redis://redis.internal' }, 'as it is'), 'as it is')
  t.end()
})

t.test('attempts to reconnect go on for ever, half a second apart', t => {
  t.strictSame([1, 2, 10, 1_000_000].map(retryDelay), [50, 100, 500, 500])
  t.equal(of('redis://redis.internal').retryStrategy, retryDelay)
  t.end()
})

t.test('a demoted master is left at most once a second', t => {
  const { reconnectOnError } = of('redis://redis.internal')
  t.equal(reconnectOnError?.(new Error('OOM command not allowed')), false)
  t.equal(reconnectOnError?.(new Error('READONLY You cannot write against a replica')), true)
  t.equal(reconnectOnError?.(new Error('READONLY You cannot write against a replica')), false)
  t.end()
})
