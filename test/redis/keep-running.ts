import t, { type Test } from 'tap'
import { keepRunning } from '../../src/redis/keep-running.ts'
import type { Server } from '../../src/redis/server.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { until } from '../fixtures/until.ts'

/** A server that ends when the test says so. */
const fake = (stops = true) => {
  let end = (_: string) => {}
  const gone = new Promise<string>(resolve => {
    end = resolve
  })
  const server: Server = { gone, stop: async () => stops }
  return { server, end: (words: string) => end(words) }
}

const running = (t: Test, start: () => Promise<Server>, first = fake()) => {
  const { log, lines } = recordLog()
  const closing = new AbortController()
  t.teardown(() => closing.abort())
  const ended = keepRunning(first.server, start, closing.signal, log)
  const said = () => lines.map(({ msg, reason, err, pause }) => ({ msg, reason, err, pause }))
  return { first, ended, close: () => closing.abort(), said }
}

const again = 'the embedded Redis ended; it is started again'

t.test('whatever ends unasked is started again, after growing pauses', async t => {
  const second = fake()
  const starts = [() => Promise.reject(new Error('no space')), () => Promise.resolve(second.server)]
  const { first, ended, close, said } = running(t, () =>
    (starts.shift() ?? (async () => fake().server))(),
  )
  const before = performance.now()
  first.end('killed')
  await until(() => starts.length === 0)
  t.ok(performance.now() - before >= 299, 'a tenth of a second, then two')
  second.end('crashed')
  await until(() => said().length === 3)
  close()
  t.equal(await ended, true)
  t.match(said(), [
    { msg: again, reason: 'killed', pause: 100 },
    { msg: 'the embedded Redis does not start', err: { message: 'no space' }, pause: 200 },
    { msg: again, reason: 'crashed', pause: 400 },
  ])
})

t.test('after ten steady seconds the next end is a new accident', async t => {
  const servers = [fake(), fake()]
  const { first, said } = running(t, async () => servers.shift()?.server ?? fake().server)
  const [second, third] = servers
  first.end('killed')
  await until(() => servers.length === 1)
  let now = performance.now()
  t.intercept(performance, 'now', { value: () => now })
  second?.end('killed')
  await until(() => servers.length === 0)
  t.match(said()[1], { pause: 200 })
  now += 10_001
  third?.end('killed')
  await until(() => said().length === 3)
  t.match(said()[2], { pause: 100 })
})

t.test('once closing, what runs is stopped and nothing is started', async t => {
  const one = running(t, () => Promise.reject(new Error('started')))
  one.close()
  t.equal(await one.ended, true)
  const stubborn = running(t, () => Promise.reject(new Error('started')), fake(false))
  stubborn.close()
  t.equal(await stubborn.ended, false)

  const pausing = running(t, () => Promise.reject(new Error('started')))
  pausing.first.end('killed')
  await until(() => pausing.said().length === 1)
  pausing.close()
  t.equal(await pausing.ended, true, 'in a pause')

  let starting = false
  const start = running(t, async () => {
    starting = true
    await until(() => closed)
    throw new Error('given up')
  })
  let closed = false
  start.first.end('killed')
  await until(() => starting)
  start.close()
  closed = true
  t.equal(await start.ended, true, 'in a start, which gives up')
  t.strictSame(
    [one, stubborn, start].map(({ said }) => said().length),
    [0, 0, 1],
  )
})
