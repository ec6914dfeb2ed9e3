import t from 'tap'
import { createUpstream } from '../../src/proxy/upstream.ts'
import { ok, startRawUpstream } from '../fixtures/raw-upstream.ts'
import { until } from '../fixtures/until.ts'

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

t.test(
  'what nobody asked for ends all sharing, what is too long ends its connection (PX-13)',
  async t => {
    const answers: Record<string, string> = {
      '/fine': ok('yes').replace('\r\n', '\r\nkeep-alive: timeout=60\r\n'),
      '/long': `HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(40_000)}\r\ncontent-length: 0\r\n\r\n`,
      '/twice': ok('yes') + ok('for whoever comes next'),
    }
    const raw = await startRawUpstream(t, (socket, { line }) =>
      socket.write(answers[line.split(' ')[1] ?? ''] ?? ''),
    )
    const upstream = createUpstream({ ...plan, targets: [target(raw.port)] })
    t.teardown(upstream.destroy)
    const ask = async (path: string): Promise<string> => {
      const place = upstream.take()
      let done = ''
      place.dispatch(
        { method: 'GET', path, headers: ['host', place.authority], body: null },
        {
          ...{ onConnect: () => undefined, onHeaders: () => undefined, onData: () => true },
          onComplete() {
            done = 'answered'
          },
          onError(error) {
            done = 'code' in error ? String(error.code) : error.message
          },
        },
      )
      await until(() => done !== '')
      place.release()
      return done
    }
    const isQuarantined = () => upstream.status()[0]?.quarantined
    await Promise.all([ask('/fine'), ask('/fine'), ask('/fine')])
    t.equal(raw.open(), 3)
    t.equal(await ask('/long'), 'LINE_OVERFLOW')
    t.equal(isQuarantined(), false)
    t.equal(await ask('/fine'), 'answered')
    t.equal(await ask('/twice'), 'answered')
    t.equal(isQuarantined(), true)
    await until(() => raw.open() === 0)
    const before = raw.connections()
    await ask('/fine')
    await ask('/fine')
    t.equal(raw.connections(), before + 2, 'each has a connection of its own')
  },
)
