import { PassThrough } from 'node:stream'
import t from 'tap'
import {
  checkFields,
  endOf,
  requestHead,
  type UpstreamRequest,
} from '../../src/proxy/upstream-request.ts'

const headers = ['Host', 'orders.example:81', 'Accept', '*/*', 'x-two', '1', 'X-Two', '2']
const request = (more: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  ...{ method: 'GET', path: '/a?b=c', headers, body: null },
  ...more,
})
const post = (more: Partial<UpstreamRequest>) => request({ method: 'POST', ...more })

/** All that is sent before the body. */
const sent = (asked: UpstreamRequest): string => {
  const { text, framing } = requestHead(asked)
  return text + endOf(framing)
}

/** The block of `request`, with another line or field here and there. */
const block = (line: string, connection: string, end = ''): string =>
  `${line} HTTP/1.1\r\nHost: orders.example:81\r\n${connection}` +
  `Accept: */*\r\nx-two: 1\r\nX-Two: 2\r\n${end}\r\n`
const kept = 'connection: keep-alive\r\n'
const over = 'connection: close\r\n'

t.test('a request without a body announces none, unless its method has one', async t => {
  t.equal(sent(request()), block('GET /a?b=c', kept))
  t.equal(sent(request({ method: 'DELETE' })), block('DELETE /a?b=c', kept))
  t.equal(sent(request({ method: 'OPTIONS' })), block('OPTIONS /a?b=c', kept))
  for (const method of ['POST', 'PUT', 'PATCH']) {
    t.equal(sent(request({ method })), block(`${method} /a?b=c`, kept, 'content-length: 0\r\n'))
  }
  const lengthy = [...headers, 'Content-Length', '5']
  t.equal(sent(request({ headers: lengthy })), block('GET /a?b=c', kept), 'whatever was said of it')
  t.equal(
    sent(post({ headers: lengthy })),
    block('POST /a?b=c', kept, 'content-length: 0\r\n'),
    'what is not there has no length',
  )
})

t.test('a body that is there has its own length', async t => {
  const body = Buffer.from('größer')
  const end = 'content-length: 8\r\n'
  t.equal(sent(post({ body })), block('POST /a?b=c', kept, end))
  t.equal(
    sent(post({ body, headers: [...headers, 'content-length', '3'] })),
    block('POST /a?b=c', kept, end),
  )
  t.equal(
    sent(post({ body: Buffer.alloc(0) })),
    block('POST /a?b=c', kept, 'content-length: 0\r\n'),
  )
})

t.test('a body that is to come has the length that was said, else it comes in chunks', async t => {
  const body = new PassThrough()
  for (const name of ['content-length', 'Content-Length', 'CONTENT-LENGTH']) {
    const said = ['Host', 'orders.example:81', name, '12', ...headers.slice(2)]
    t.equal(
      sent(post({ body, headers: said })),
      block('POST /a?b=c', kept, 'content-length: 12\r\n'),
    )
  }
  t.equal(
    sent(post({ body, headers: [...headers, 'content-length', '007'] })),
    block('POST /a?b=c', kept, 'content-length: 7\r\n'),
    'a length is sent as we understand it',
  )
  t.equal(sent(post({ body })), block('POST /a?b=c', over, 'transfer-encoding: chunked\r\n'))
  const similar = ['x-content-len', '1', 'content-lengtn', '2']
  t.match(sent(post({ body, headers: [...headers, ...similar] })), 'content-lengtn: 2\r\n')
})

t.test('the connection ends with what some servers answer or read otherwise', async t => {
  t.equal(sent(request({ method: 'HEAD' })), block('HEAD /a?b=c', over))
  const body = Buffer.from('four')
  const end = 'content-length: 4\r\n'
  for (const method of ['GET', 'DELETE', 'OPTIONS']) {
    t.equal(sent(request({ method, body })), block(`${method} /a?b=c`, over, end))
  }
  t.equal(
    sent(request({ body: new PassThrough() })),
    block('GET /a?b=c', over, 'transfer-encoding: chunked\r\n'),
  )
  t.equal(sent(request({ reset: true })), block('GET /a?b=c', over))
  t.equal(sent(request({ reset: false, upgrade: null })), block('GET /a?b=c', kept))
  t.equal(
    sent(request({ upgrade: 'websocket', reset: true })),
    block('GET /a?b=c', 'connection: upgrade\r\nupgrade: websocket\r\n'),
  )
})

t.test('what is said of the connection is what becomes of it', async t => {
  t.notOk(requestHead(request()).last)
  t.notOk(requestHead(post({ body: Buffer.from('x') })).last)
  const body = new PassThrough()
  t.ok(requestHead(post({ body })).last, 'chunks')
  t.notOk(requestHead(post({ body, headers: [...headers, 'content-length', '1'] })).last)
  t.notOk(requestHead(request({ method: 'DELETE' })).last)
  t.ok(requestHead(request({ method: 'HEAD' })).last)
  t.ok(requestHead(request({ method: 'DELETE', body: Buffer.from('x') })).last)
  t.ok(requestHead(request({ body: Buffer.alloc(0) })).last)
  t.ok(requestHead(request({ upgrade: 'websocket' })).last)
  t.ok(requestHead(post({ reset: true })).last)
})

t.test('a method or a target that could be read as something else is not sent', async t => {
  const refused = { code: 'LINE_REFUSED' }
  for (const method of ['', 'GET ', 'GET\r\nx: y', 'GE\tT', 'GET/', 'GÉT', 'a:b', '\0']) {
    t.throws(() => requestHead(request({ method })), refused, JSON.stringify(method))
  }
  for (const path of [
    ...['', 'a', '*', 'http://orders.example/', '?a', ' /a', '/a b', '/a\tb', '/a\rb', '/a\nb'],
    ...['/a HTTP/1.1\r\nx: y', '/\0', '/\x7f', '/a ', '/\u0100', '/\ud83d\ude00'],
  ]) {
    t.throws(() => requestHead(request({ path })), refused, JSON.stringify(path))
  }
  for (const path of ['/', '//', '/%20', '/a"<>\\^`{|}', '/\xe9', "/!$&'()*+,;=:@-._~"]) {
    t.match(requestHead(request({ path })).text, `GET ${path} HTTP/1.1\r\n`)
  }
  t.match(requestHead(request({ method: "!#$%&'*+-.^_`|~m0" })).text, "!#$%&'*+-.^_`|~m0 /a")
})

t.test('there is one length, or none, and it is a number', async t => {
  const refused = { code: 'LINE_REFUSED' }
  const body = new PassThrough()
  const lengths = (...values: string[]) => [
    ...headers,
    ...values.flatMap((value, i) => [i === 0 ? 'content-length' : 'Content-Length', value]),
  ]
  for (const value of [
    ...['', ' ', '+1', '-1', '1 ', ' 1', '1,1', '1, 1', '0x10', '1e3', '1.0', 'ten', 'NaN'],
    ...['1\r\nx: y', '9007199254740992', '12345678901234567', '\u0661'],
  ]) {
    for (const kind of [body, null, Buffer.from('x')]) {
      t.throws(
        () => requestHead(post({ body: kind, headers: lengths(value) })),
        refused,
        JSON.stringify(value),
      )
    }
  }
  t.throws(() => requestHead(post({ body, headers: lengths('1', '1') })), refused)
  t.throws(() => requestHead(post({ body, headers: lengths('1', '2') })), refused)
  t.throws(() => requestHead(request({ headers: lengths('0', '0') })), refused)
  const most = requestHead(post({ body, headers: lengths('9007199254740991') }))
  t.equal(most.framing, 9_007_199_254_740_991)
  t.equal(requestHead(post({ body, headers: lengths('0') })).framing, 0)
})

t.test('each framing has its end', async t => {
  t.equal(endOf(null), '\r\n')
  t.equal(endOf(0), 'content-length: 0\r\n\r\n')
  t.equal(endOf(12), 'content-length: 12\r\n\r\n')
  t.equal(endOf(1e15), 'content-length: 1000000000000000\r\n\r\n')
  t.equal(endOf('chunked'), 'transfer-encoding: chunked\r\n\r\n')
})

t.test('fields that would not be read as they are meant are refused', async t => {
  const refused = { code: 'LINE_REFUSED' }
  checkFields([])
  checkFields(['host', 'x', 'empty', '', "!#$%&'*+-.^_`|~Z9", 'a\tb c\x80\xff~!'])
  for (const name of ['', ' ', 'a b', 'a:', ':a', 'a\r\n', 'a\0', 'é', '(a)', 'a,b', 'a\n b']) {
    t.throws(() => checkFields(['host', 'x', name, 'v']), refused, JSON.stringify(name))
  }
  for (const value of ['a\r\nb: c', 'a\rb', 'a\nb', 'a\0', '\x7f', '\x1f', '\u0100', 'a\x0b']) {
    t.throws(() => checkFields(['host', value]), refused, JSON.stringify(value))
    t.throws(() => checkFields(['host', 'x', 'name', value]), refused, JSON.stringify(value))
  }
  t.throws(() => checkFields(['host', 'x', '']), refused, 'a name without a value is looked at')
})
