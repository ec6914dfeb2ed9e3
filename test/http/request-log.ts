import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import type { Context } from '../../src/http/context.ts'
import { createOpen } from '../../src/http/request-log.ts'
import { createMetrics } from '../../src/metrics.ts'
import { createForwarding } from '../../src/proxy/client-address.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { until } from '../fixtures/until.ts'

interface Test {
  teardown(fn: () => unknown): void
}

const start = async (t: Test, listener: (context: Context, res: ServerResponse) => void) => {
  const metrics = createMetrics()
  const recorded = recordLog()
  let open = 0
  const createContext = createOpen({
    ...{ metrics, log: recorded.log, counts: [], otherCount: metrics.route('(none)') },
    tracing: undefined,
    forwarding: createForwarding([], new URL('http://localhost')),
    underWay: { begin: () => void open++, end: () => void open-- },
  })
  const contexts: Context[] = []
  const server = createServer((req, res) => {
    const context = createContext(req, res)
    context.path = req.url ?? ''
    contexts.push(context)
    listener(context, res)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { port: address.port, contexts, lines: recorded.lines, open: () => open }
}

t.test('one line for each request, whole or not', async t => {
  const { port, lines, open } = await start(t, (_context, res) => void res.end('hi'))
  await (await fetch(`http://127.0.0.1:${port}/a`)).text()
  await until(() => lines.length === 1)
  t.match(lines[0], { msg: 'request', method: 'GET', path: '/a', status: 200, complete: true })
  t.equal(open(), 0)
})

t.test('requests whose client leaves are over', async t => {
  let left = 0
  const { port, contexts, lines, open } = await start(t, context => {
    context.proxied = { left: () => void left++ }
  })
  const sockets = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'))
  for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => contexts.length === 20)
  t.equal(open(), 20)
  for (const socket of sockets) socket.destroy()
  await until(() => open() <= 0)
  t.equal(open(), 0)
  t.equal(left, 20)
  t.equal(lines.length, 20)
  t.ok(lines.every(line => line['complete'] === false && line['status'] === 0))
  t.ok(
    contexts.every(({ res }) => res.destroyed),
    'nothing is begun for them any more',
  )
})
