import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import t from 'tap'
import { createGathered, measure } from '../../src/metrics/gathered.ts'

/** What one process counts. */
const createProcess = () => {
  const registers = [new Registry()] as const
  const [registry] = registers
  const options = { help: 'h', registers: [registry] }
  return {
    requests: new Counter({ name: 'requests', labelNames: ['route'] as const, ...options }),
    seconds: new Histogram({ name: 'seconds', buckets: [1, 2], ...options }),
    open: new Gauge({ name: 'open', ...options }),
    up: new Gauge({ name: 'up', aggregator: 'min', ...options }),
    began: new Gauge({
      ...{ name: 'claimcheck_process_start_time_seconds', aggregator: 'omit' as const },
      ...options,
    }),
    report: async () => structuredClone(await measure(registry)),
  }
}

const valuesOf = (page: string): Record<string, number> =>
  Object.fromEntries(
    page
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => [
        line.slice(0, line.lastIndexOf(' ')),
        Number(line.slice(line.lastIndexOf(' '))),
      ]),
  )

t.test('what several processes counted is added up, but where a sum says nothing', async t => {
  const [own, one, other] = [createProcess(), createProcess(), createProcess()]
  one.requests.inc({ route: '/a' }, 3)
  other.requests.inc({ route: '/a' }, 4)
  other.requests.inc({ route: '/b' }, 5)
  one.seconds.observe(0.5)
  other.seconds.observe(1.5)
  one.open.set(6)
  other.open.set(7)
  for (const [i, { up, began }] of [own, one, other].entries()) {
    up.set(i === 1 ? 0 : 1)
    began.set(100 - i)
  }
  const gathered = createGathered()
  gathered.report(1, await one.report())
  gathered.report(2, await other.report())
  t.match(valuesOf(await gathered.expose(await own.report())), {
    'requests{route="/a"}': 7,
    'requests{route="/b"}': 5,
    'seconds_bucket{le="1"}': 1,
    'seconds_bucket{le="2"}': 2,
    seconds_count: 2,
    seconds_sum: 2,
    open: 13,
    up: 0,
    claimcheck_process_start_time_seconds: 98,
  })
})

t.test('what a process that is gone had counted stays, what it had open does not', async t => {
  const own = createProcess()
  const gathered = createGathered()
  const totals = async () => valuesOf(await gathered.expose(await own.report()))
  for (const life of [1, 2, 3]) {
    const worker = createProcess()
    worker.requests.inc({ route: '/a' }, 10)
    worker.seconds.observe(1)
    worker.open.set(5)
    worker.up.set(1)
    gathered.report(1, await worker.report())
    t.match(await totals(), { 'requests{route="/a"}': 10 * life, seconds_count: life, open: 5 })
    gathered.depart(1)
    t.match(await totals(), { 'requests{route="/a"}': 10 * life, seconds_count: life, open: 0 })
  }
  gathered.depart(2)
  t.match(await totals(), { 'requests{route="/a"}': 30, up: 0 }, 'one that never reported')
})
