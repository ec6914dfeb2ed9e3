import t from 'tap'
import { createProviderFetch } from '../../src/login/provider-fetch.ts'
import { json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { until } from '../fixtures/until.ts'

const get = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const

t.test('talks to a provider', async t => {
  const { issuer, answers, requests, tokenRequests, count } = await startLyingProvider(t)
  const request = createProviderFetch({ timeout: 10_000, maxBytes: 1_000, maxCalls: 2 })
  const impatient = createProviderFetch({ timeout: 300, maxBytes: 1_000, maxCalls: 2 })

  await t.test('and gives its answer as it is', async t => {
    answers.set('/token', json({ a: 1 }, 400, { 'x-b': 'c' }))
    const response = await request(`${issuer}/token`, {
      ...get,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-a': 'b' },
      body: new URLSearchParams({ c: 'd e' }),
    })
    t.equal(response.status, 400)
    t.equal(response.headers.get('x-b'), 'c')
    t.same(await response.json(), { a: 1 })
    t.equal(tokenRequests.at(-1)?.form.get('c'), 'd e')
    t.equal(tokenRequests.at(-1)?.headers['x-a'], 'b')
  })

  await t.test('without following where it points (LG-19)', async t => {
    answers.set('/moved', (_req, res) => res.writeHead(307, { location: `${issuer}/else` }).end())
    const response = await request(`${issuer}/moved`, get)
    t.equal(response.status, 307)
    t.notOk(requests.includes('GET /else'))
  })

  await t.test('with a limit on what it reads, unpacked', async t => {
    answers.set('/large', (_req, res) => res.end('x'.repeat(1_001)))
    await t.rejects(request(`${issuer}/large`, get), { message: 'more than 1000 bytes' })
    answers.set('/fits', (_req, res) => res.end('x'.repeat(1_000)))
    t.equal((await (await request(`${issuer}/fits`, get)).text()).length, 1_000)
  })

  await t.test('with a limit on its time, however slowly it drips', async t => {
    answers.set('/silent', () => undefined)
    await t.rejects(impatient(`${issuer}/silent`, get), { name: 'TimeoutError' })
    answers.set('/drips', (_req, res) => {
      const drip = setInterval(() => res.write('.'), 20)
      res.on('close', () => clearInterval(drip))
    })
    await t.rejects(impatient(`${issuer}/drips`, get), { name: 'TimeoutError' })
  })

  await t.test(
    'a few at a time: the rest wait in line, and time out there unsent (RL-06)',
    async t => {
      const open: (() => void)[] = []
      answers.set('/slow', (_req, res) => open.push(() => res.end('done')))
      const first = [request(`${issuer}/slow`, get), request(`${issuer}/slow`, get)]
      const third = request(`${issuer}/slow`, get)
      await until(() => open.length === 2)
      t.equal(count('/slow'), 2, 'the third waits')
      for (const answer of open.splice(0)) answer()
      await Promise.all(first)
      await until(() => open.length === 1)
      open.pop()?.()
      t.equal(await (await third).text(), 'done')

      answers.set('/never', () => undefined)
      const late = Array.from({ length: 3 }, () => impatient(`${issuer}/never`, get))
      t.match(await Promise.allSettled(late), Array(3).fill({ reason: { name: 'TimeoutError' } }))
      t.equal(count('/never'), 2, 'the one in line was not sent')
      const [room] = await Promise.allSettled([impatient(`${issuer}/fits`, get)])
      t.match(room, { status: 'fulfilled' }, 'and there is room again')
    },
  )
})
