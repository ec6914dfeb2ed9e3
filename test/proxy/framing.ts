import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { wrongWithFraming } from '../../src/proxy/framing.ts'

const request = (headers: IncomingMessage['headers'], version = '1.1', fields = 2) => {
  const [httpVersionMajor, httpVersionMinor] = version.split('.').map(Number)
  const rawHeaders = Array(2 * fields).fill('x')
  return { headers, httpVersionMajor, httpVersionMinor, rawHeaders } as unknown as IncomingMessage
}
const wrong = (headers: IncomingMessage['headers'], version?: string) =>
  wrongWithFraming(request({ host: 'localhost', ...headers }, version))

t.test('a Host names one place, or none at all (RFC 9112 section 3.2)', async t => {
  for (const host of ['localhost', 'a.b-c_d.', '127.0.0.1:80', '[::1]', '[::1]:443', '', ':80']) {
    t.equal(wrong({ host }), undefined, host)
  }
  for (const host of [
    'a b',
    'a, b',
    'a/b',
    'u@a',
    'a?b',
    'a#b',
    'a:b',
    'a:123456',
    '[a',
    'ä',
    '[]',
  ]) {
    t.equal(wrong({ host }), 'malformed_request', host)
  }
  t.equal(wrongWithFraming(request({})), 'malformed_request')
  t.equal(wrongWithFraming(request({}, '1.0')), undefined, 'HTTP/1.0 did not know it yet')
})

t.test('the only transfer coding is chunked, and only in HTTP/1.1 (PX-03)', async t => {
  t.equal(wrong({ 'transfer-encoding': 'Chunked' }), undefined)
  t.equal(wrong({ 'transfer-encoding': 'chunked' }, '1.0'), 'malformed_request')
  for (const coding of ['', 'identity', 'gzip, chunked', 'chunked, chunked', 'chunked;q=1']) {
    t.equal(wrong({ 'transfer-encoding': coding }), 'malformed_request', coding)
  }
})

t.test('other versions are not spoken', async t => {
  for (const version of ['0.9', '2.0']) t.equal(wrong({}, version), 'malformed_request')
  t.equal(wrong({}, '1.0'), undefined)
})

t.test('more than a hundred fields are too many (RL-01)', async t => {
  t.equal(wrongWithFraming(request({ host: 'a' }, '1.1', 100)), undefined)
  t.equal(wrongWithFraming(request({ host: 'a' }, '1.1', 101)), 'header_too_large')
})
