import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import t from 'tap'
import { type Handler, type Line, Lines } from '../../src/proxy/lines.ts'
import { freePort } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'

type Test = { teardown(fn: () => unknown): void }

const start = async (t: Test) => {
  const answers: ServerResponse[] = []
  const sockets: Socket[] = []
  const server = createServer((_req: IncomingMessage, res) => void answers.push(res))
  server.on('connection', socket => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { port: address.port, answers, sockets }
}

const open = (t: Test, port: number) => {
  const lost: Error[] = []
  const lines = new Lines({
    origin: `http://127.0.0.1:${port}`,
    socketPath: undefined,
    client: { pipelining: 1 },
    connector: { timeout: 2000 },
    lost: error => void lost.push(error),
  })
  t.teardown(() => lines.destroy())
  /** Sends a request; `done` says how it ended. */
  const ask = (path = '/') => {
    const asked: { line?: Line | undefined; done?: 'answered' | Error } = {}
    const handler: Handler = {
      onConnect: () => undefined,
      onHeaders: () => true,
      onData: () => true,
      onComplete: () => {
        asked.line = handler.line
        asked.done = 'answered'
      },
      onError: error => {
        asked.line = handler.line
        asked.done = error
      },
    }
    lines.dispatch({ path, method: 'GET' }, handler)
    return asked
  }
  return { lines, ask, lost }
}

t.test('each request has a connection of its own, the one that was used last first', async t => {
  const { port, answers, sockets } = await start(t)
  const { lines, ask } = open(t, port)
  const [one, two] = [ask(), ask()]
  await until(() => answers.length === 2)
  t.equal(sockets.length, 2)
  answers[1]?.end()
  await until(() => (one.done ?? two.done) === 'answered')
  answers[0]?.end()
  await until(() => one.done === 'answered' && two.done === 'answered')
  const last = answers[0]?.req.socket
  for (let i = 2; i < 5; i++) {
    const next = ask()
    await until(() => answers.length === i + 1)
    t.equal(answers[i]?.req.socket, last)
    answers[i]?.end()
    await until(() => next.done === 'answered')
  }
  t.equal(lines.size, 2)
  t.equal(sockets.length, 2)
})

t.test('a connection that ends while it is free is forgotten, and another is opened', async t => {
  const { port, answers, sockets } = await start(t)
  const { lines, ask, lost } = open(t, port)
  const first = ask()
  await until(() => answers.length === 1)
  answers[0]?.end()
  await until(() => first.done === 'answered')
  sockets[0]?.destroy()
  await until(() => lines.size === 0)
  t.equal(lost.length, 1)
  const second = ask()
  await until(() => answers.length === 2)
  answers[1]?.end()
  await until(() => second.done === 'answered')
  t.equal(lines.size, 1)
})

t.test('one that ends under a request fails that request alone', async t => {
  const { port, answers } = await start(t)
  const { lines, ask } = open(t, port)
  const [one, two] = [ask('/one'), ask('/two')]
  await until(() => answers.length === 2)
  answers.find(({ req }) => req.url === '/one')?.req.socket.destroy()
  await until(() => one.done !== undefined)
  t.match(one.done, { code: 'UND_ERR_SOCKET' })
  t.equal(two.done, undefined)
  await until(() => lines.size === 1)
  answers.find(({ req }) => req.url === '/two')?.end()
  await until(() => two.done === 'answered')
})

t.test('what cannot be reached leaves nothing behind', async t => {
  const { lines, ask } = open(t, await freePort())
  const asked = Array.from({ length: 20 }, () => ask())
  await until(() => asked.every(({ done }) => done !== undefined))
  t.ok(asked.every(({ done }) => done instanceof Error && 'code' in done))
  await until(() => lines.size === 0)
})

t.test('what undici refuses at once takes no connection', async t => {
  const { port, answers } = await start(t)
  const { lines, ask } = open(t, port)
  const first = ask()
  await until(() => answers.length === 1)
  answers[0]?.end()
  await until(() => first.done === 'answered')
  for (let i = 0; i < 3; i++) t.match(ask('no path').done, { code: 'UND_ERR_INVALID_ARG' })
  t.equal(lines.size, 1)
  const next = [ask(), ask()]
  await until(() => answers.length === 3)
  for (const answer of answers) answer.end()
  await until(() => next.every(({ done }) => done === 'answered'))
  t.equal(lines.size, 2, 'it was free once, not four times')
})

t.test('closing waits for what is under way, destroying does not', async t => {
  const { port, answers } = await start(t)
  const { lines, ask } = open(t, port)
  const asked = ask()
  await until(() => answers.length === 1)
  let closed = false
  const closing = lines.close().then(() => {
    closed = true
  })
  await new Promise(setImmediate)
  t.notOk(closed)
  answers[0]?.end()
  await closing
  t.equal(asked.done, 'answered')

  const other = open(t, port)
  const cut = other.ask()
  await until(() => answers.length === 2)
  await other.lines.destroy()
  await until(() => cut.done instanceof Error)
  t.equal(other.lines.size, 0)
  t.match(other.ask().done, { code: 'UND_ERR_CLOSED' }, 'nothing is begun any more')
  t.equal(other.lines.size, 0)
})
