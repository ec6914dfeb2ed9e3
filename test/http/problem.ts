import t from 'tap'
import { type ErrorCode, problemOf } from '../../src/errors.ts'
import { ownHeaders, problemAnswer } from '../../src/http/problem.ts'

const answer = (code: ErrorCode, details = {}, https = true) => {
  const made = problemAnswer(problemOf(code), { requestId: 'r-1', ...details }, https)
  const headers = new Map<string, string>()
  for (let i = 0; i < made.headers.length; i += 2) {
    t.notOk(headers.has(made.headers[i] ?? ''), 'each header once')
    headers.set(made.headers[i] ?? '', made.headers[i + 1] ?? '')
  }
  return { ...made, headers }
}

t.test('a refusal is problem+json with a stable type and code (RFC 9457)', async t => {
  const { status, headers, body } = answer('no_session', { login: '/auth/login' })
  t.equal(status, 401)
  t.equal(headers.get('content-type'), 'application/problem+json')
  t.strictSame(JSON.parse(body), {
    type: 'urn:problem-type:claimcheck:no_session',
    title: 'There is no live session',
    status: 401,
    code: 'no_session',
    request_id: 'r-1',
    login: '/auth/login',
  })
})

t.test(
  'each refusal is no-store, nosniff, without referrer, and HSTS over https (HD-06)',
  async t => {
    for (const code of ['no_session', 'upstream_failed', 'redis_unavailable'] as const) {
      for (const page of [false, true]) {
        const { headers } = answer(code, { page })
        t.equal(headers.get('cache-control'), 'no-store')
        t.equal(headers.get('x-content-type-options'), 'nosniff')
        t.equal(headers.get('referrer-policy'), 'no-referrer')
        t.equal(headers.get('strict-transport-security'), 'max-age=31536000')
        t.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
      }
    }
    t.notOk(ownHeaders(false).includes('strict-transport-security'))
  },
)

t.test(
  '405 says what is allowed, 503 when to come back, a refused upgrade what would do',
  async t => {
    t.equal(answer('method_not_allowed', { allow: 'GET, POST' }).headers.get('allow'), 'GET, POST')
    t.equal(answer('redis_unavailable').headers.get('retry-after'), '1')
    t.equal(answer('no_session').headers.get('retry-after'), undefined)
    t.equal(answer('upgrade_refused').headers.get('sec-websocket-version'), '13')
  },
)

t.test(
  'a navigation gets a page that may do nothing (HD-07), and nothing in it is markup',
  async t => {
    const { headers, body } = answer('no_session', { page: true, login: '/login?a="><script>' })
    t.match(headers.get('content-type'), /^text\/html/)
    t.match(headers.get('content-security-policy'), "default-src 'none'")
    t.match(body, 'There is no live session')
    t.notMatch(body, '<script>')
  },
)
