import t from 'tap'
import { readCallback, wrongIssuer } from '../../src/login/callback.ts'

const state = 's'.repeat(43)

t.test('reads a callback with a code, or with an error', async t => {
  t.match(readCallback(`?code=x&state=${state}`), { kind: 'callback', state })
  t.match(readCallback(`?error=access_denied&state=${state}&unknown=1&unknown=2`), { state })
})

t.test('refuses a malformed callback before anything is asked for it (LG-17)', async t => {
  for (const query of [
    '',
    '?',
    '?&',
    '?&&=&',
    '?code=x',
    `?state=${state}`,
    `?code=x&state=${state}&state=${state}`,
    `?code=x&code=y&state=${state}`,
    `?code=x&error=y&state=${state}`,
    `?code=x&state=${state}&iss=a&iss=b`,
    `?error=x&error=y&state=${state}`,
    '?code=x&state=',
    '?code=x&state=short',
    `?code=x&state=${state}x`,
    '?code=x&state=<script>alert(1)</script>',
    `?code[]=x&state[]=${state}`,
    `?code=${'x'.repeat(64 * 1024)}&state=${state}`,
  ]) {
    t.match(readCallback(query), { kind: 'refused', reason: String }, query.slice(0, 60))
  }
})

t.test('tells an answer of another provider (LG-04, RFC 9207)', async t => {
  const issuer = 'https://login.example.com'
  const wrong = (query: string, alwaysSent: boolean) =>
    wrongIssuer(new URLSearchParams(query), issuer, alwaysSent) !== undefined
  t.notOk(wrong('iss=https://login.example.com', true))
  t.notOk(wrong('', false), 'a provider that never says so')
  t.ok(wrong('', true), 'a provider that always does')
  for (const other of ['https://login.example.com/', 'https://evil.example', '']) {
    t.ok(wrong(`iss=${other}`, true), other)
    t.ok(wrong(`iss=${other}`, false), other)
  }
})
