import t from 'tap'
import { readRefreshAnswer } from '../../src/login/refresh-answer.ts'

const rules = {
  token: ['access_token'],
  refreshToken: ['refresh_token'],
  refusals: new Set([401, 410]),
}
const answer = (status: number, body: unknown, headers: string[] = []) => ({
  status,
  headers: ['Content-Type', 'application/json', ...headers],
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
})
const read = (status: number, body: unknown, headers?: string[]) =>
  readRefreshAnswer(answer(status, body, headers), rules)

t.test('reads the tokens of a success', async t => {
  for (const status of [200, 201]) {
    t.match(read(status, { access_token: 'a', refresh_token: 'r', scope: 'x' }), {
      kind: 'tokens',
      accessToken: 'a',
      refreshToken: 'r',
      value: { scope: 'x' },
    })
  }
  for (const rest of [{}, { refresh_token: null }, { refresh_token: '' }])
    t.match(read(200, { access_token: 'a', ...rest }), { kind: 'tokens', refreshToken: '' })
  const nested = { ...rules, token: ['data', 'jwt'] }
  t.match(readRefreshAnswer(answer(200, { data: { jwt: 'a' } }), nested), {
    kind: 'tokens',
    accessToken: 'a',
  })
})

t.test('what it cannot read changes nothing (TK-08)', async t => {
  for (const body of [
    '',
    '{',
    '[]',
    '"text"',
    '{"access_token":"a","access_token":"b"}',
    { access_token: '' },
    { access_token: 7 },
    { access_token: 'a', refresh_token: 7 },
    {},
  ])
    t.match(read(200, body), { kind: 'failed', isOutage: false }, JSON.stringify(body))
  for (const headers of [
    ['content-type', 'text/html'],
    [],
    ['content-type', 'application/json', 'content-encoding', 'gzip'],
  ]) {
    const body = Buffer.from('{"access_token":"a"}')
    t.match(readRefreshAnswer({ status: 200, headers, body }, rules), { kind: 'failed' })
  }
})

t.test('only what plainly speaks of the refresh token ends a session (TK-08)', async t => {
  const over: [number, unknown][] = [
    [400, { error: 'invalid_grant' }],
    [401, { error: 'invalid_grant' }],
    [401, { error: 'Unauthorized', message: 'token expired', statusCode: 401 }],
    [401, { error: { code: 7 } }],
    [401, ''],
    [401, '<p>no</p>'],
    [410, { message: 'gone' }],
  ]
  for (const [status, body] of over)
    t.match(read(status, body), { kind: 'over', reason: `the API answered ${status}` })
  const kept: [number, unknown][] = [
    [400, { error: 'invalid_request' }],
    [400, { message: 'invalid refresh token' }],
    [401, { error: 'invalid_client' }],
    [403, { error: 'invalid_grant' }],
    [403, 'forbidden'],
    [404, ''],
    [302, ''],
    [304, ''],
  ]
  for (const [status, body] of kept)
    t.match(read(status, body), { kind: 'failed', isOutage: false }, `${status}`)
})

t.test('an outage says so, and when to come back (FL-07)', async t => {
  for (const status of [500, 502, 503, 504, 429]) {
    t.match(read(status, { error: 'invalid_grant' }), { kind: 'failed', isOutage: true })
    t.match(read(status, '', ['Retry-After', '7']), { kind: 'failed', retryAfter: 7_000 })
  }
})

t.test('no reason quotes what was answered', async t => {
  for (const status of [200, 400, 401, 500])
    t.notMatch(JSON.stringify(read(status, '{"access_token": eyJsecret')), /secret/)
})
