import { Histogram, Registry } from 'prom-client'
import t from 'tap'
import { createGathered, measure } from '../../src/metrics/gathered.ts'
import { createRequestMetrics } from '../../src/metrics/requests.ts'

const seconds = [0.0004, 0.001, 0.0011, 0.07, 0.07, 2.5, 31, 400]
const name = 'claimcheck_request_seconds'

/** The same observations in a histogram of prom-client's own. */
const usual = (): Registry => {
  const registry = new Registry()
  const histogram = new Histogram({
    ...{ name, help: 'From the arrival of a request to the last byte of its answer' },
    labelNames: ['route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  })
  for (const value of seconds) histogram.observe({ route: '/api' }, value)
  histogram.observe({ route: '/' }, 1)
  return registry
}

const ours = (): Registry => {
  const registry = new Registry()
  const metrics = createRequestMetrics([registry])
  const count = metrics.route('/api')
  for (const value of seconds) count(200, value)
  metrics.route('/')(0, 1)
  metrics.route('/silent')
  return registry
}

t.test('durations are exposed as prom-client exposes a histogram', async t => {
  t.equal(await ours().getSingleMetricAsString(name), await usual().getSingleMetricAsString(name))
})

t.test('and summed by the primary as one', async t => {
  const summed = async (registry: Registry) => {
    const gathered = createGathered()
    gathered.report(1, await measure(registry))
    const text = await gathered.expose(await measure(registry))
    return text.split('\n').filter(line => line.includes(name))
  }
  t.strictSame(await summed(ours()), await summed(usual()))
})

t.test('requests are counted by class of status', async t => {
  const text = await ours().getSingleMetricAsString('claimcheck_requests_total')
  t.match(text, '{route="/api",status="2xx"} 8')
  t.match(text, '{route="/",status="0xx"} 1')
  t.notMatch(text, 'silent')
})
