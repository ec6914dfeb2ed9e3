// How many sessions a person may have, what happens at the limit, and what is written down about it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { handleOf } from '../../src/session/ticket.ts'
import { startGateway, testFolder } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const start = async (t: Test, atLimit: string) => {
  const redis = await startRedis(t)
  const upstream = await startUpstream(t, createLoginApi().answer)
  const audit = join(await testFolder(t), 'audit.log')
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }
log: { audit: ${audit} }
session: { maxPerUser: 3, atLimit: ${atLimit} }
${routesTo(upstream.url)}`,
  )
  const logIn = async (user: string) => {
    const made = await login(gateway, user)
    return { ...made, handle: handleOf(made.ticket) }
  }
  const status = async ({ cookie }: { cookie: string }) =>
    (await get(gateway, '/api/x', cookie)).status
  const lines = () =>
    readFileSync(audit, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
  const metric = async (name: string) => {
    const text = await (await fetch(`${gateway.admin}/metrics`)).text()
    return text
      .split('\n')
      .find(line => line.startsWith(`claimcheck_${name} `))
      ?.split(' ')[1]
  }
  return { redis, gateway, logIn, status, lines, metric }
}

t.test('evict-oldest: the login beyond the limit ends the oldest session (SL-12)', async t => {
  const { redis, gateway, logIn, status, lines, metric } = await start(t, 'evict-oldest')
  const [one, two, three] = [await logIn('alice'), await logIn('alice'), await logIn('alice')]
  const bob = await logIn('bob')
  for (const session of [one, two, three, bob]) t.equal(await status(session), 200)

  const four = await logIn('alice')
  t.equal(four.response.status, 200)
  await until(async () => (await status(one)) === 401)
  for (const session of [two, three, four, bob]) t.equal(await status(session), 200)
  t.equal(await metric('sessions_ended_total{cause="limit"}'), '1')

  // SL-12 with RV-01: the dead do not count.
  await redis.client.del(`claimcheck:session:${two.handle}`)
  const five = await logIn('alice')
  for (const session of [three, four, five]) t.equal(await status(session), 200)
  t.equal(await metric('sessions_ended_total{cause="limit"}'), '1')

  // A login of a browser that already has one ends that one, and nobody is evicted.
  const again = await login(gateway, 'alice', five.cookie)
  t.equal(await status(again), 200)
  await until(async () => (await status(five)) === 401)
  for (const session of [three, four]) t.equal(await status(session), 200)

  const ends = lines().filter(line => line.event === 'sessions_ended')
  t.match(ends, [
    { audit: true, by: 'limit', handle: one.handle, sub: 'alice', outcome: 'done', ended: 1 },
    { audit: true, by: 'login', handle: five.handle, outcome: 'done', ended: 1 },
  ])
  t.equal(ends.length, 2)
  t.notMatch(gateway.log(), '"audit":true', 'it has a file of its own')
})

t.test('refuse: the login beyond the limit is a clear error, and all others live', async t => {
  const { redis, gateway, logIn, status, lines, metric } = await start(t, 'refuse')
  const sessions = [await logIn('alice'), await logIn('alice'), await logIn('alice')]
  const { response, text, set } = await login(gateway, 'alice')
  t.equal(response.status, 403)
  t.match(JSON.parse(text), { code: 'too_many_sessions' })
  t.equal(set, undefined)
  for (const session of sessions) t.equal(await status(session), 200)
  t.equal((await logIn('bob')).response.status, 200)
  t.equal(await metric('sessions_ended_total{cause="limit"}'), '0')
  const refusal = lines().find(line => line.event === 'refused')
  t.match(refusal, { code: 'too_many_sessions', id: JSON.parse(text).request_id })

  const [one] = sessions
  await redis.client.del(`claimcheck:session:${one?.handle}`)
  t.equal((await logIn('alice')).response.status, 200, 'the dead do not count')
})

t.test('LO-03: each event leaves exactly one line, with its time and request id', async t => {
  const { gateway, logIn, lines } = await start(t, 'evict-oldest')
  const alice = await logIn('alice')
  const crossSite = { 'sec-fetch-site': 'cross-site' }
  await get(gateway, '/api/x', alice.cookie, { method: 'POST', headers: crossSite })
  await get(gateway, '/api/x', `${alice.cookie}; ${alice.cookie}`)
  await get(gateway, '/api/x', '')
  await get(gateway, '/nowhere', alice.cookie)
  await get(gateway, '/auth/logout', alice.cookie, { method: 'POST' })
  await get(gateway, '/auth/logout', alice.cookie, { method: 'POST' })
  const person = { provider: 'api', sub: 'alice', client: '127.0.0.1' }
  t.match(lines(), [
    { event: 'login', ...person, handle: alice.handle },
    { event: 'refused', code: 'cross_site', client: '127.0.0.1' },
    { event: 'refused', code: 'ambiguous_ticket' },
    { event: 'logout', ...person, handle: alice.handle, outcome: 'done', ended: 1 },
  ])
  t.equal(lines().length, 4)
  for (const { id, time } of lines()) {
    t.match(time, /Z$/)
    t.match(gateway.log(), `"id":"${id}"`, 'the same request is in the log')
  }
})
