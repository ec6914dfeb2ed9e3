import { refreshTokenGrant } from 'openid-client'
import t from 'tap'
import { faultOf } from '../../src/login/fault.ts'
import { createProvider } from '../../src/login/provider.ts'
import { planOf } from '../fixtures/login.ts'
import {
  type Answer,
  faults,
  json,
  silent,
  startLyingProvider,
} from '../fixtures/lying-provider.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

t.test('sorts what a token endpoint can answer (TK-08)', async t => {
  const lying = await startLyingProvider(t)
  const discovered = (timeout: number) =>
    createProvider(planOf(lying, { timeout }), recordLog().log).discovered()
  const patient = await discovered(10_000)
  const impatient = await discovered(300)
  const faultAfter = async (answer: Answer, { configuration } = patient) => {
    lying.answers.set('/token', answer)
    try {
      await refreshTokenGrant(configuration, 'a refresh token')
    } catch (error) {
      return faultOf(error)
    }
    throw new Error('no fault')
  }
  const challenge = { 'www-authenticate': 'Basic realm="x"' }
  const cases: [string, Answer | undefined, string, number?][] = [
    ['invalid_grant', json({ error: 'invalid_grant' }, 400), 'grant'],
    ['invalid_grant as Auth0 says it', json({ error: 'invalid_grant' }, 403), 'grant'],
    [
      'invalid_grant in a text',
      json({ error: 'x', error_description: 'invalid_grant' }, 400),
      'wrong',
    ],
    ['invalid_grant with a 500', json({ error: 'invalid_grant' }, 500), 'unavailable'],
    ['invalid_grant with a 200', json({ error: 'invalid_grant' }), 'wrong'],
    ['invalid_grant as a list', json({ error: ['invalid_grant'] }, 400), 'wrong'],
    [
      'invalid_grant in HTML',
      (_req, res) =>
        res.writeHead(400, { 'content-type': 'text/html' }).end('{"error":"invalid_grant"}'),
      'wrong',
    ],
    ['invalid_client', json({ error: 'invalid_client' }, 401), 'wrong'],
    ['a challenge', json({ error: 'invalid_client' }, 401, challenge), 'wrong'],
    [
      'a redirect',
      (_req, res) => res.writeHead(302, { location: 'https://x.example/' }).end(),
      'wrong',
    ],
    ['a 429', faults['a 429 with JSON'], 'unavailable', 7_000],
    ['a 503', faults['a 503 with Retry-After'], 'unavailable', 3_000],
    ['a far Retry-After', json({}, 503, { 'retry-after': '86400' }), 'unavailable', 300_000],
    ['a bad Retry-After', json({}, 503, { 'retry-after': 'soon' }), 'unavailable'],
    [
      'a past Retry-After',
      json({}, 503, { 'retry-after': new Date(0).toUTCString() }),
      'unavailable',
    ],
    ['a 500', faults['a 500'], 'unavailable'],
    ['no answer', faults['no answer'], 'unavailable'],
    ['a reset', faults['a reset'], 'unavailable'],
    ['half an answer', faults['half an answer'], 'unavailable'],
    ['an answer that drips', faults['an answer that drips'], 'unavailable'],
    ['HTML', faults['HTML'], 'wrong'],
    ['no JSON', faults['no JSON'], 'wrong'],
    ['an array', faults['an array'], 'wrong'],
    ['nothing', faults['nothing'], 'wrong'],
    ['a 204', faults['a 204'], 'wrong'],
    ['no token', json({ token_type: 'bearer' }), 'wrong'],
    ['a token that is no text', json({ token_type: 'bearer', access_token: 7 }), 'wrong'],
    ['three megabytes', faults['three megabytes'], 'wrong'],
    ['a bomb', faults['a bomb'], 'wrong'],
  ]
  for (const [name, answer, kind, retryAfter] of cases) {
    if (answer === undefined) throw new Error(name)
    const fault = await faultAfter(answer, silent.has(name) ? impatient : patient)
    t.match(fault, { kind, retryAfter, reason: /./ }, `${name}: ${fault.reason}`)
  }
  const soon = json({}, 503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() })
  const { retryAfter = 0 } = await faultAfter(soon)
  t.ok(retryAfter > 50_000 && retryAfter <= 60_000, 'a date')
})
