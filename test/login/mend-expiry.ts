import t from 'tap'
import { mendExpiry } from '../../src/login/mend-expiry.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

const mended = async (text: string, status = 200) => {
  const { log, lines } = recordLog()
  const response = await mendExpiry(new Response(text, { status, headers: { 'x-a': 'b' } }), log)
  t.equal(response.headers.get('x-a'), 'b')
  t.equal(response.status, status)
  return { text: await response.text(), warnings: lines.length }
}

t.test('takes out an expires_in that is no lifetime, and says so (TK-04)', async t => {
  for (const value of ['-1', '"soon"', 'null', '"-5"', '[]', '{}', 'true', '""', '1e999']) {
    const answer = await mended(`{"access_token":"a","expires_in":${value},"refresh_token":"r"}`)
    t.same(JSON.parse(answer.text), { access_token: 'a', refresh_token: 'r' }, value)
    t.equal(answer.warnings, 1)
  }
})

t.test('leaves everything else as it came', async t => {
  for (const text of [
    '{"expires_in":300}',
    '{"expires_in":"300"}',
    '{"expires_in":0}',
    '{"expires_in":1e308}',
    '{ "access_token" : "a" }',
    '{"x":"\\"expires_in\\""}',
    '{"a":{"expires_in":-1}}',
    '"expires_in"',
    '["expires_in"]',
    '{"expires_in"',
    'null',
    '',
  ]) {
    t.same(await mended(text), { text, warnings: 0 }, text)
  }
  t.same(await mended('{"expires_in":-1}', 400), { text: '{"expires_in":-1}', warnings: 0 })
})
