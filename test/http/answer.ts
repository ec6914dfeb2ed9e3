import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { GatewayError } from '../../src/errors.ts'
import { type AnswerParts, createAnswers } from '../../src/http/answer.ts'
import type { Context } from '../../src/http/context.ts'
import { createMetrics } from '../../src/metrics.ts'
import { recordLog } from '../fixtures/recorded-log.ts'
import { sendRaw } from '../fixtures/upstream.ts'

interface Test {
  teardown(fn: () => unknown): void
}

type Answers = ReturnType<typeof createAnswers>

/** Sends one request and gives the raw answer that `reply` made to it, and what was logged. */
const ask = async (
  t: Test,
  reply: (answers: Answers, context: Context) => void,
  { bytes = 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', ...more }: Asked = {},
) => {
  const { log, lines } = recordLog()
  const audited: unknown[] = []
  const audit: AnswerParts['audit'] = event => void audited.push(event)
  const answers = createAnswers({
    ...{ https: true, loginPath: '/auth/login', log, audit, metrics: createMetrics() },
    ...more.parts,
  })
  const server = createServer((req, res) => {
    const context = { id: 'r-1', req, res, method: req.method, path: '/x', query: '?y' }
    const forwarding = { client: '10.0.0.1' }
    reply(answers, { ...context, forwarding, ...more.context } as Context)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const text = await sendRaw(address.port, bytes)
  return { text, lines, audited }
}
interface Asked {
  bytes?: string
  parts?: Partial<AnswerParts>
  context?: Partial<Context>
}

t.test('a refusal says why, in the body and in the audit log', async t => {
  const { text, audited } = await ask(t, (answers, context) =>
    answers.refuse(context, 'cross_site'),
  )
  t.match(text, /^HTTP\/1\.1 403 /)
  t.match(text, '"code":"cross_site"')
  t.strictSame(audited, [{ event: 'refused', id: 'r-1', client: '10.0.0.1', code: 'cross_site' }])
})

t.test('a body that was not read ends the connection (PX-04)', async t => {
  const bytes = `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n${'GET / HTTP/1.1\r\nHost: a\r\n\r\n'}`
  const { text } = await ask(t, (answers, context) => answers.refuse(context, 'no_session'), {
    bytes,
  })
  t.match(text, /\r\nConnection: close\r\n/)
  t.equal(text.split('HTTP/1.1').length, 2)
})

t.test('once an answer has begun, nothing is added to it', async t => {
  const { text } = await ask(t, (answers, context) => {
    answers.send(context, 200, ['x-a', '1'], 'one')
    answers.refuse(context, 'internal')
  })
  t.match(text, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\none$/)
})

t.test('204 has no length', async t => {
  const { text } = await ask(t, (answers, context) => answers.send(context, 204, [], ''))
  t.notMatch(text, /content-length/i)
})

t.test('what failed is exact in the log and vague on the wire', async t => {
  const known = await ask(t, (answers, context) =>
    answers.failed(context, new GatewayError('upstream_failed', 'db-7.internal is down')),
  )
  t.match(known.text, /^HTTP\/1\.1 502 /)
  t.notMatch(known.text, 'db-7')
  t.match(known.lines, [{ level: 'warn', id: 'r-1', code: 'upstream_failed' }])
  t.match(JSON.stringify(known.lines), 'db-7.internal')
  const unknown = await ask(t, (answers, context) => answers.failed(context, new Error('a bug')))
  t.match(unknown.text, /^HTTP\/1\.1 500 /)
  t.match(unknown.lines, [{ level: 'error', code: 'internal' }])
})

t.test('a page is sent to log in and back; without a place to log in it is 401', async t => {
  const route = { pages: true, corsOrigins: new Set<string>() } as unknown as Context['route']
  const challenge = (answers: Answers, context: Context) => answers.challenge(context)
  const { text } = await ask(t, challenge, { context: { route } })
  t.match(text, /^HTTP\/1\.1 303 /)
  t.match(text, /\r\nlocation: \/auth\/login\?return_to=%2Fx%3Fy\r\n/)
  const none = await ask(t, challenge, { parts: { loginPath: undefined }, context: { route } })
  t.match(none.text, /^HTTP\/1\.1 401 /)
})

t.test('an allowed origin may read why it was refused, others may not (CS-11)', async t => {
  const route = {
    corsOrigins: new Set(['https://a.example']),
    allow: 'GET',
  } as unknown as Context['route']
  const from = async (origin: string) => {
    const bytes = `GET /x HTTP/1.1\r\nHost: a\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`
    const reply = (answers: Answers, context: Context) => answers.refuse(context, 'no_session')
    return (await ask(t, reply, { bytes, context: { route } })).text
  }
  t.match(await from('https://a.example'), 'access-control-allow-origin: https://a.example')
  t.notMatch(await from('https://b.example'), 'access-control-allow-origin')
})
