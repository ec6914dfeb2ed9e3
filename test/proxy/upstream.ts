import t from 'tap'
import { createUpstream } from '../../src/proxy/upstream.ts'

const target = (port: number) => ({
  protocol: 'http:' as const,
  origin: `http://127.0.0.1:${port}`,
  authority: `127.0.0.1:${port}`,
  socketPath: undefined,
})
const plan = {
  name: 'orders',
  targets: [target(9), target(10)],
  ...{ connectTimeout: 2000, headersTimeout: 30_000, idleTimeout: 60_000, tls: undefined },
}

t.test('the least loaded target is taken, and each holds as many as it may', async t => {
  const upstream = createUpstream(plan, 2)
  t.teardown(upstream.destroy)
  const places = [1, 2, 3, 4].map(() => upstream.take())
  t.strictSame(
    places.map(({ authority }) => authority),
    ['127.0.0.1:9', '127.0.0.1:10', '127.0.0.1:9', '127.0.0.1:10'],
  )
  t.throws(() => upstream.take(), { code: 'upstream_busy' })
  t.equal(upstream.active(), 4)
  places[1]?.release()
  t.equal(upstream.take().authority, '127.0.0.1:10', 'what is released can be taken again')
  t.throws(() => upstream.take(), { code: 'upstream_busy' })
})
