import t from 'tap'
import type { CommandFailure } from '../../src/metrics.ts'
import { openConnection } from '../../src/redis/client.ts'
import { observeCommands } from '../../src/redis/observe.ts'
import { createScript, run } from '../../src/redis/script.ts'
import { startRedis } from '../fixtures/redis.ts'

t.test('each command is told of once: how long it took, or why it failed', async t => {
  const server = await startRedis(t)
  const redis = openConnection({ url: server.openUrl, commandTimeout: 500 })
  redis.on('error', () => undefined)
  t.teardown(() => redis.disconnect())
  const took: number[] = []
  const failures: CommandFailure[] = []
  const seen = () => {
    const all = { answered: took.splice(0).length, failures: failures.splice(0) }
    return all
  }
  await redis.connect()
  observeCommands(redis, {
    answered: seconds => void took.push(seconds),
    failed: reason => void failures.push(reason),
  })
  await redis.set('k', 'v')
  t.ok((took[0] ?? 0) > 0 && (took[0] ?? 0) < 0.5, 'seconds')
  t.strictSame(seen(), { answered: 1, failures: [] })
  await t.rejects(redis.incr('k'))
  t.strictSame(seen(), { answered: 0, failures: ['refused'] })
  t.equal(await run(redis, createScript('return 7'), []), 7)
  t.strictSame(seen(), { answered: 2, failures: [] }, 'a script that is new to Redis is no failure')
  server.pause()
  await t.rejects(redis.get('k'))
  t.strictSame(seen(), { answered: 0, failures: ['timeout'] })
  server.resume()
  await server.kill()
  await t.rejects(redis.get('k'))
  t.strictSame(seen(), { answered: 0, failures: ['connection'] })
})
