// What attackers send on a raw socket: refused with the upstream silent, or forwarded in exactly one form.
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import type { CorpusCase } from '../fixtures/corpus.ts'
import { ambiguous, chunks, early, expectations, plain } from '../fixtures/corpus-framing.ts'
import { bombs, cookies, doubled, passing, removed } from '../fixtures/corpus-headers.ts'
import { methods, versions } from '../fixtures/corpus-methods.ts'
import {
  forwardedTargets,
  refusedTargets,
  unguarded,
  unroutedTargets,
} from '../fixtures/corpus-targets.ts'
import { startGateway } from '../fixtures/gateway.ts'
import { startLenientUpstream } from '../fixtures/lenient-upstream.ts'
import { createLoginApi, get, login } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const routes = (upstream: string, logins: string): string => `
routes:
  - { path: /api, upstream: "${upstream}", claimHeaders: { X-User: sub } }
  - path: /api/login
    methods: [POST]
    upstream: ${logins}
    auth: none
    capture:
      name: api
      token: /access_token
      refreshToken: /refresh_token
      verify: { secret: a-secret-of-the-test-that-is-long-enough-for-hs256, issuer: test-api }
  - { path: /open, upstream: "${upstream}", auth: none }
  - { path: /opt, upstream: "${upstream}", auth: optional }
  - { path: /mobile, upstream: "${upstream}", allowClientAuthorization: true }
  - { path: /slash, upstream: "${upstream}", allowEncodedSlash: true }
  - { path: /empty, upstream: "${upstream}", allowEmptySegments: true }
  - { path: /params, upstream: "${upstream}", allowPathParameters: true }
  - { path: /cookies, upstream: "${upstream}", cookies: [theme] }
  - { path: /all, upstream: "${upstream}", cookies: ["*"] }
  - { path: /small, upstream: "${upstream}", maxBody: 1kb }
  - { path: /v1, upstream: "${upstream}", rewrite: /internal }
`

interface Exchanged {
  readonly statuses: number[]
  readonly closed: boolean
  readonly text: string
}

/** The statuses of the answers in a text; what is left over where the last is not whole, or is no answer. */
const readAnswers = (text: string, head: boolean): { statuses: number[]; rest: string } => {
  const statuses: number[] = []
  let rest = text
  for (;;) {
    const block = /^HTTP\/1\.1 (\d{3})[^\r]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest)
    if (block === null) return { statuses, rest }
    const status = Number(block[1])
    const length = Number(/^content-length: (\d+)$/im.exec(block[2] ?? '')?.[1] ?? 0)
    const end = block[0].length + (head || status < 200 ? 0 : length)
    if (rest.length < end) return { statuses, rest }
    statuses.push(status)
    rest = rest.slice(end)
  }
}

/** Sends it, waits for the answers and the end that are due, and for whatever else comes until the connection is closed. */
const exchange = async (port: number, sent: string, due: CorpusCase): Promise<Exchanged> => {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.on('error', () => undefined)
  const head = /^HEAD /.test(sent)
  let text = ''
  let closed = false
  const gone = once(socket, 'close')
  socket.on('data', chunk => {
    text += chunk
  })
  socket.on('end', () => {
    closed = true
  })
  socket.on('close', () => {
    closed = true
  })
  socket.write(sent, 'latin1')
  if (due.halfClose === true) socket.end()
  const late = performance.now() + 3000
  await until(
    () =>
      closed ||
      (!due.closes && readAnswers(text, head).statuses.length >= due.answers.length) ||
      performance.now() > late,
  )
  const wasClosed = closed
  // What a smuggled request was answered with would come before the end.
  socket.end()
  await Promise.race([
    gone,
    once(socket, 'close', { signal: AbortSignal.timeout(3000) }).catch(() => socket.destroy()),
  ])
  const { statuses, rest } = readAnswers(text, head)
  return { statuses: rest === '' ? statuses : [...statuses, -1], closed: wasClosed, text }
}

t.test('the corpus', async t => {
  const redis = await startRedis(t)
  const upstream = await startLenientUpstream(t)
  const api = createLoginApi()
  const logins = await startUpstream(t, api.answer)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }\n${routes(upstream.url, logins.url)}`,
  )
  const { cookie, ticket } = await login(gateway, 'alice')
  const host = `127.0.0.1:${upstream.port}`
  const origin = `http://localhost:${gateway.port}`

  t.equal((await get(gateway, '/api/x', cookie)).status, 200)
  const pseudonym = /via: 1\.1 (\S+)/.exec(upstream.raw())?.[1] ?? 'no Via'
  const names: Readonly<Record<string, string>> = {
    session: cookie,
    ticket,
    origin,
    pseudonym,
    name: '__Host-Http-session',
    lower: cookie.toLowerCase(),
    quoted: `__Host-Http-session="${ticket}"`,
    ORIGIN: origin.replace('http', 'HTTP'),
    host,
    bearer: `Bearer ${api.issued[0]}`,
    forwarding: [
      'x-forwarded-for: 127.0.0.1',
      `x-forwarded-host: localhost:${gateway.port}`,
      'x-forwarded-proto: http',
      `forwarded: for=127.0.0.1;host="localhost:${gateway.port}";proto=http`,
    ].join('\r\n'),
  }
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (all, name) => names[name] ?? all)
  const seen = () =>
    upstream
      .raw()
      .replace(/x-request-id: [\w-]+\r\n/g, 'x-request-id: {id}\r\n')
      .replace(/x-user: alice\r\n/gi, '')

  const topics: Readonly<Record<string, readonly CorpusCase[]>> = {
    'framing that two readers could read in two ways (PX-03)': ambiguous,
    'chunks that are none': chunks,
    'framing that is sound': plain,
    'refusals before the body (PX-04)': early,
    'expectations (PX-07)': expectations,
    'targets that two readers could read in two ways (PA-01 to PA-08)': refusedTargets,
    'targets without a route (PA-07, PA-09, PA-10)': unroutedTargets,
    'nothing but a session opens a guarded route (PA-02, PA-03)': unguarded,
    'targets that pass': forwardedTargets,
    'headers that do not pass (PX-01, HD-01 to HD-03)': removed,
    'cookies (CK-10 to CK-14)': cookies,
    'doubled and malformed fields (HD-05, PX-08)': doubled,
    'headers that pass': passing,
    'too much of it (RL-01)': bombs,
    'methods (PX-16)': methods,
    'versions and noise': versions,
  }
  let count = 0
  for (const [topic, cases] of Object.entries(topics)) {
    await t.test(topic, async t => {
      for (const due of cases) {
        count++
        upstream.forget()
        const got = await exchange(gateway.port, fill(due.send), due)
        const whole = fill(due.upstream)
        const raw = seen()
        // A request that breaks off may have begun to go upstream, but never ends there.
        const partial = due.unfinished === true && raw !== whole && whole.startsWith(raw)
        t.strictSame(
          { answers: got.statuses, closed: got.closed, upstream: partial ? whole : raw },
          { answers: due.answers, closed: due.closes, upstream: whole },
          due.title,
        )
        if (due.unfinished === true) t.strictSame(upstream.ran, [], 'nothing was run')
        if (due.holds !== undefined) t.match(got.text, due.holds)
      }
    })
  }
  t.ok(count >= 150, `${count} cases`)
  t.equal((await get(gateway, '/api/x', cookie)).status, 200, 'the gateway still answers')
  t.equal(logins.requests.length, 1)
  t.notMatch(gateway.log(), /"code":"internal"|"level":"(?:error|fatal)"/)
})
