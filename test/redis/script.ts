import t from 'tap'
import { absentIfForeign, ask, clockOf, millisecondsOf } from '../../src/redis/ask.ts'
import { scan } from '../../src/redis/scan.ts'
import { createScript, listIn, run } from '../../src/redis/script.ts'
import { scripts } from '../../src/redis/scripts.ts'
import { startRedis } from '../fixtures/redis.ts'
import { connect } from '../fixtures/sessions.ts'

const server = await startRedis(t, '--appendonly', 'no')
const { client } = server
const redis = await connect(t, server.openUrl)

t.test('a script runs where Redis does not know it yet, and after it forgot it', async t => {
  const script = createScript('return { KEYS[1], ARGV[1], ARGV[2], 7 }')
  const expected = [Buffer.from('k'), Buffer.from('1'), Buffer.from([0xff, 0]), 7]
  for (let i = 0; i < 2; i++) {
    t.same(await run(redis, script, ['k'], [1, Buffer.from([0xff, 0])]), expected)
    await client.script('FLUSH')
  }
  t.same(await run(redis, script, ['k'], [1, Buffer.from([0xff, 0])]), expected)
  const commands = await client.info('commandstats')
  t.match(commands, /cmdstat_eval:calls=3,/)
})

t.test('the text of a known script is not sent again', async t => {
  const script = createScript('return 1')
  await run(redis, script, [])
  await client.config('RESETSTAT')
  for (let i = 0; i < 10; i++) t.equal(await run(redis, script, []), 1)
  const commands = await client.info('commandstats')
  t.match(commands, /cmdstat_evalsha:calls=10,/)
  t.notMatch(commands, /cmdstat_eval:/)
})

t.test("a script's own error is redis_unavailable, with its cause", async t => {
  const script = createScript("return redis.error_reply('ERR no')")
  await t.rejects(run(redis, script, []), {
    code: 'redis_unavailable',
    cause: { message: /no/ },
  })
})

t.test('an answer that is no list has no elements', async t => {
  t.strictSame(listIn([1, [2]]), [1, [2]])
  t.strictSame(listIn('12'), [])
  t.strictSame(listIn(null), [])
})

t.test('a ticket that is not new makes no session', async t => {
  await client.flushall()
  const expires = (await clockOf(redis)) + 60_000
  const args = ['value', 'handle', expires, 1000, '', 0, 0, 0, 'session:']
  const make = () => run(redis, scripts.create, ['record', 'user', 'ended:all', 'ended'], args)
  t.same(await make(), [Buffer.from('created'), 0])
  await client.del('user')
  await t.rejects(make(), { code: 'redis_unavailable', cause: { message: /not new/ } })
  t.strictSame(await client.keys('*'), ['record'])
})

t.test('no script has a header that a full Redis would refuse', async t => {
  for (const { lua, sha } of Object.values(scripts)) {
    t.notOk(lua.startsWith('#!'))
    t.equal(await client.script('LOAD', lua), sha, 'and Redis agrees on its hash')
  }
})

t.test('the clock is that of Redis, in whole milliseconds', async t => {
  const [seconds] = await client.time()
  const now = await clockOf(redis)
  t.ok(Number.isInteger(now))
  t.ok(now >= Number(seconds) * 1000 && now < Number(seconds) * 1000 + 60_000)
  t.equal(millisecondsOf([1, 999_999]), 1999)
  t.equal(millisecondsOf(['1', '1000']), 1001)
})

t.test('a failure has its cause; a value of another type is none', async t => {
  const cause = new Error('LOADING')
  await t.rejects(ask(Promise.reject(cause)), { code: 'redis_unavailable', cause })
  t.equal(await ask(Promise.resolve(7)), 7)
  await client.rpush('list', 'x')
  t.equal(await redis.get('list').catch(absentIfForeign), null)
  t.throws(() => absentIfForeign(cause), cause)
})

t.test('a scan comes in pages and misses nothing', async t => {
  await client.flushall()
  t.strictSame(await scan(redis, '*').next(), { done: true, value: undefined })
  const names = Array.from({ length: 1500 }, (_, i) => `a:${i}`)
  await client.mset(...names.flatMap(name => [name, 'x']), 'b:1', 'x')
  const found: string[] = []
  let pages = 0
  for await (const page of scan(redis, 'a:*')) {
    found.push(...page)
    pages++
  }
  t.ok(pages > 1)
  t.strictSame([...new Set(found)].sort(), names.sort())
})
