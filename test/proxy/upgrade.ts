import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import {
  asksForWebSocket,
  switchHeaders,
  wrongWithHandshake,
  wrongWithSwitch,
} from '../../src/proxy/upgrade.ts'

/** The example of RFC 6455 section 1.3. */
const good = {
  host: 'localhost',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}
const requestOf = (headers: object = {}, method = 'GET', httpVersion = '1.1') => {
  const req = new IncomingMessage(new Socket())
  return Object.assign(req, { method, httpVersion, headers: { ...good, ...headers } })
}

t.test('a WebSocket is asked for by that name alone', t => {
  t.ok(asksForWebSocket(requestOf({ upgrade: 'WebSocket' })))
  for (const upgrade of [undefined, 'h2c', 'websocket, h2c', 'websocket/13', 'websockets']) {
    t.notOk(asksForWebSocket(requestOf({ upgrade })), `${upgrade}`)
  }
  t.end()
})

t.test('a handshake is right in every part, or refused with its reason', t => {
  t.equal(wrongWithHandshake(requestOf()), undefined)
  t.equal(wrongWithHandshake(requestOf({ connection: 'keep-alive, UPGRADE' })), undefined)
  for (const [wrong, req] of [
    ['method POST', requestOf({}, 'POST')],
    ['HTTP/1.0', requestOf({}, 'GET', '1.0')],
    ['a body', requestOf({ 'content-length': '1' })],
    ['a body', requestOf({ 'transfer-encoding': 'chunked' })],
    ['further nominated headers', requestOf({ connection: 'Upgrade, Origin' })],
    ['further nominated headers', requestOf({ connection: undefined })],
    ['a version other than 13', requestOf({ 'sec-websocket-version': '13, 13' })],
    ['a version other than 13', requestOf({ 'sec-websocket-version': undefined })],
    ['no valid key', requestOf({ 'sec-websocket-key': undefined })],
    ['no valid key', requestOf({ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ' })],
    ['no valid key', requestOf({ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==, x' })],
  ] as const) {
    t.equal(wrongWithHandshake(req), wrong)
  }
  t.end()
})

t.test('an upstream has to accept the key, once', t => {
  const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
  const raw = (...parts: string[]) => parts
  const req = requestOf()
  const upgrade = ['Upgrade', 'WebSocket']
  const accepted = ['Sec-WebSocket-Accept', accept]
  t.equal(wrongWithSwitch(raw('X', 'upgrade', ...upgrade, ...accepted), req), undefined)
  t.equal(wrongWithSwitch(raw(...accepted), req), 'it switched to something else')
  t.equal(wrongWithSwitch(raw('upgrade', 'h2c', ...accepted), req), 'it switched to something else')
  for (const block of [[], ['Sec-WebSocket-Accept', 'x'], [...accepted, ...accepted]]) {
    t.equal(wrongWithSwitch(raw(...upgrade, ...block), req), 'it does not accept the key')
  }
  t.strictSame(switchHeaders(['X-A', '1', 'Content-Length', '3', 'X-B', '2']), [
    'connection',
    'Upgrade',
    'upgrade',
    'websocket',
    'X-A',
    '1',
    'X-B',
    '2',
  ])
  t.end()
})
