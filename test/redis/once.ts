import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { SetupError } from '../../src/errors.ts'
import { connectOnce } from '../../src/redis/once.ts'
import { freePort, startRedis } from '../fixtures/redis.ts'

const commandTimeout = 2000

t.test('a connection is ready, or the reason is told, without the password', async t => {
  const { url, port } = await startRedis(t, '--appendonly', 'no')
  const redis = await connectOnce({ url, commandTimeout })
  t.teardown(() => redis.disconnect())
  t.equal(await redis.ping(), 'PONG')

  const wrong = `redis://someone:open-sesame@127.0.0.1:${port}`
  await t.rejects(connectOnce({ url: wrong, commandTimeout }), {
    message: /^Redis at redis:\/\/127\.0\.0\.1:\d+ cannot be used: (?!.*sesame).*WRONGPASS/,
  })
})

t.test('where nobody listens, or nobody answers, it gives up', async t => {
  const port = await freePort()
  const nobody = connectOnce({ url: `redis://127.0.0.1:${port}`, commandTimeout })
  await t.rejects(nobody, { message: /ECONNREFUSED/ })
  await t.rejects(nobody, SetupError)
  const sentinel = { name: 'm', nodes: [`127.0.0.1:${port}`] }
  await t.rejects(connectOnce({ url: 'redis://x', sentinel, commandTimeout }), {
    message: /^Redis at m at 127\.0\.0\.1:\d+ cannot be used: .*(?:sentinel|ECONNREFUSED)/i,
  })

  const mute = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  t.teardown(() => mute.close())
  const address = mute.address()
  const muted = address !== null && typeof address === 'object' ? address.port : 0
  const url = `redis://127.0.0.1:${muted}`
  await t.rejects(connectOnce({ url, commandTimeout: 100 }), SetupError)
})
