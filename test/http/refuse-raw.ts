import type { ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import t from 'tap'
import { refuseRaw } from '../../src/http/refuse-raw.ts'

/** A connection that keeps what is written to it, and from which nothing comes. */
const record = () => {
  const written: string[] = []
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk, _encoding, done) => {
      written.push(String(chunk))
      done()
    },
  })
  return { socket, text: () => written.join('') }
}

const refuse = (code: string, last?: object, { socket, text } = record()) => {
  const error = Object.assign(new Error(code), { code })
  refuseRaw(error, socket, last as ServerResponse | undefined)
  t.teardown(() => socket.destroy())
  return { text: text(), destroyed: socket.destroyed }
}
const sent = {
  writableEnded: true,
  writableFinished: true,
  headersSent: true,
  shouldKeepAlive: true,
}
const waiting = { writableEnded: false, writableFinished: false, headersSent: false, socket: {} }
const whole = { req: { complete: true } }
const inBody = { req: { complete: false } }

t.test(
  'what could not be parsed is refused with a status and a problem (RL-01, RL-03)',
  async t => {
    for (const [error, status, code] of [
      ['HPE_INVALID_METHOD', '400 Bad Request', 'malformed_request'],
      ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large', 'header_too_large'],
      ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout', 'request_timeout'],
    ] as const) {
      const [head = '', body = ''] = refuse(error).text.split('\r\n\r\n')
      const [first, ...lines] = head.split('\r\n')
      t.equal(first, `HTTP/1.1 ${status}`)
      t.match(lines[0], /^date: .* GMT$/)
      t.strictSame(lines.slice(-2), [`content-length: ${body.length}`, 'connection: close'])
      t.ok(lines.includes('content-type: application/problem+json'))
      t.ok(lines.includes('cache-control: no-store'))
      t.match(JSON.parse(body), { code, request_id: /./ })
    }
    t.match(refuse('HPE_INVALID_METHOD', { ...sent, ...whole }).text, /^HTTP\/1\.1 400 /)
    t.match(refuse('HPE_INVALID_CHUNK_SIZE', { ...waiting, ...inBody }).text, /^HTTP\/1\.1 400 /)
  },
)

t.test('it is not said where it would be taken for another answer', async t => {
  for (const last of [
    { ...waiting, ...whole },
    { ...waiting, ...inBody, headersSent: true },
    { ...waiting, ...inBody, socket: null },
    { ...sent, ...inBody },
  ]) {
    t.strictSame(refuse('HPE_INVALID_METHOD', last), { text: '', destroyed: true })
  }
})

t.test('a connection that ends by itself is left to it', async t => {
  const last = { ...sent, ...whole, shouldKeepAlive: false }
  t.strictSame(refuse('HPE_INVALID_METHOD', last), { text: '', destroyed: false })
})

t.test('nobody is told who is gone', async t => {
  t.strictSame(refuse('ECONNRESET'), { text: '', destroyed: true })
  const ended = record()
  ended.socket.end()
  t.strictSame(refuse('HPE_INVALID_METHOD', undefined, ended), { text: '', destroyed: true })
})
