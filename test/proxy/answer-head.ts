import t from 'tap'
import {
  checkTrailers,
  isEventStream,
  isStatusText,
  readHead,
  removeLength,
} from '../../src/proxy/answer-head.ts'
import { LineError } from '../../src/proxy/line-error.ts'

const block = (...lines: string[]) => lines.map(line => `${line}\r\n`).join('')
const read = (...lines: string[]) => readHead(block('HTTP/1.1 200 OK', ...lines))

/** The code with which it is refused; undefined for what is taken. */
const refusal = (reading: () => unknown): string | undefined => {
  try {
    reading()
  } catch (error) {
    if (error instanceof LineError) return error.code
    throw error
  }
  return undefined
}
const refused = (...lines: string[]) => refusal(() => read(...lines)) === 'LINE_MALFORMED'

t.test(
  'a status line has a version, a status and perhaps a reason (RFC 9112 section 4)',
  async t => {
    for (const [line, status, statusText] of [
      ['HTTP/1.1 200 OK', 200, 'OK'],
      ['HTTP/1.0 404 Not Found', 404, 'Not Found'],
      ['HTTP/1.1 200 ', 200, ''],
      ['HTTP/1.1 200', 200, ''],
      ['HTTP/1.1 100 Continue', 100, 'Continue'],
      ['HTTP/1.1 999 a:b\tc', 999, 'a:b\tc'],
      ['HTTP/1.1 200  OK ', 200, ' OK '],
      ['HTTP/1.1 200 caf\xe9 \x80\xff', 200, 'caf\xe9 \x80\xff'],
      ['HTTP/1.1 200 HTTP/1.1 500', 200, 'HTTP/1.1 500'],
    ] as const) {
      const head = readHead(block(line))
      t.strictSame([head.status, head.statusText, head.headers], [status, statusText, []], line)
    }
  },
)

t.test('what does not begin with a status line of HTTP/1.0 or 1.1 is no answer', async t => {
  for (const line of [
    '',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 20x OK',
    'HTTP/1.1 099 OK',
    'HTTP/1.1 000',
    'HTTP/1.1 +200 OK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1200 OK',
    ' HTTP/1.1 200 OK',
    'http/1.1 200 OK',
    'Http/1.1 200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/1.10 200 OK',
    'HTTP/1 200 OK',
    'HTTP/1,1 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/2 200 OK',
    'ICY 200 OK',
    'X\nHTTP/1.1 200 OK',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200 O\nK',
    'HTTP/1.1 200 OK\r',
    'HTTP/1.1 200\nContent-Length: 5',
    '\r\nHTTP/1.1 200 OK',
    'Content-Length: 5',
  ]) {
    t.equal(
      refusal(() => readHead(block(line))),
      'LINE_MALFORMED',
      JSON.stringify(line),
    )
  }
})

t.test('order, spelling and repetition of fields stay as they came', async t => {
  const { headers } = read('b: 1', 'A: 2', 'B: 3', 'set-cookie: x', 'Set-Cookie: y', 'b: 1')
  t.strictSame(headers, [
    ...['b', '1', 'A', '2', 'B', '3'],
    ...['set-cookie', 'x', 'Set-Cookie', 'y', 'b', '1'],
  ])
  t.strictSame(read().headers, [])
  t.strictSame(read('__proto__: 1', 'constructor:2').headers, [
    '__proto__',
    '1',
    'constructor',
    '2',
  ])
})

t.test(
  'around a value SP and HTAB are dropped, and nothing else (RFC 9110 section 5.5)',
  async t => {
    for (const [line, value] of [
      ['x:a', 'a'],
      ['x: a', 'a'],
      ['x: \t a \t b\t ', 'a \t b'],
      ['x:', ''],
      ['x: ', ''],
      ['x:\t \t', ''],
      ['x: a: b', 'a: b'],
      ['x::', ':'],
      ['x: \xa0a\xa0', '\xa0a\xa0'],
      ['x: \x80\x85\xff', '\x80\x85\xff'],
      ['x: caf\xc3\xa9', 'caf\xc3\xa9'],
      ['x: "\\" ~!', '"\\" ~!'],
    ] as const) {
      t.strictSame(read(line).headers, ['x', value], JSON.stringify(line))
    }
  },
)

t.test('a line is a token, a colon and a value (RFC 9112 section 5.1)', async t => {
  const name = "!#$%&'*+.^_`|~09azAZ-"
  t.strictSame(read(`${name}: 1`).headers, [name, '1'])
  for (const line of ['x', 'x y', '', ':', ': a', ' : a', 'x : a', 'x\t: a', ' x: a', '\tx: a']) {
    t.ok(refused(line), JSON.stringify(line))
    t.ok(refused('a: b', line, 'c: d'), `${JSON.stringify(line)} among others`)
  }
  for (const bad of '"(),/;<=>?@[\\]{}\0\x01\x7f\x80\xa0\xe9\xff \t\r\n') {
    t.ok(refused(`a${bad}b: c`), JSON.stringify(bad))
    t.ok(refused(`${bad}b: c`), `${JSON.stringify(bad)} first`)
    t.ok(refused(`a${bad}: c`), `${JSON.stringify(bad)} last`)
  }
})

t.test('a folded line is refused (RFC 9112 section 5.2)', async t => {
  for (const more of [' b', '\tb', ' ', ' b: c', '\tContent-Length: 5']) {
    t.ok(refused('x: a', more), JSON.stringify(more))
    t.ok(refused('x:', more), `${JSON.stringify(more)} behind nothing`)
    t.ok(refused(more, 'x: a'), `${JSON.stringify(more)} first`)
  }
})

t.test(
  'CR, LF, NUL and other control characters are in no value (RFC 9110 section 5.5)',
  async t => {
    for (let code = 0; code <= 0xff; code++) {
      const control = (code < 0x20 && code !== 0x09) || code === 0x7f
      const byte = String.fromCharCode(code)
      t.equal(refused(`x: a${byte}b`), control, `byte ${code}`)
      t.equal(refused(`x: ${byte}`, 'y: z'), control, `byte ${code} alone`)
    }
    for (const line of ['x: a\rContent-Length: 5', 'x: a\nContent-Length: 5', 'x: a\r', 'x: a\n']) {
      t.ok(refused(line), JSON.stringify(line))
    }
  },
)

t.test('without a length the body ends with the connection (RFC 9112 section 6.3)', async t => {
  t.equal(read().framing, 'close')
  t.equal(readHead(block('HTTP/1.0 200 OK')).framing, 'close')
  t.equal(
    read('X-Content-Length: 5', 'Content_Length: 5', 'Transfer_Encoding: chunked').framing,
    'close',
  )
})

t.test('a length is one number in digits (RFC 9110 section 8.6)', async t => {
  for (const [value, length] of [
    ['0', 0],
    ['5', 5],
    ['\t005 ', 5],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ] as const) {
    t.equal(read(`Content-Length: ${value}`).framing, length, value)
    t.equal(read(`a: b`, `cONTENT-lENGTH:${value}`).framing, length, value)
    t.equal(readHead(block('HTTP/1.0 200 OK', `Content-Length: ${value}`)).framing, length, value)
  }
  for (const value of [
    ...['', ' ', '+5', '-0', '-5', '5.0', '5e0', '0x5', '5 5', '5, 5', '5,', ',5', '5;', '"5"'],
    ...['a', '5a', 'Infinity', 'NaN', '\xb2', '\xa05', '5\xa0', '1_0'],
    ...['9007199254740992', '9007199254740993', '9999999999999999'],
    ...['10000000000000000', '00000000000000005'],
  ]) {
    t.ok(refused(`Content-Length: ${value}`), JSON.stringify(value))
  }
})

t.test('two lengths are refused, even if they are equal', async t => {
  for (const other of ['Content-Length: 5', 'content-length:5', 'CONTENT-LENGTH: 6']) {
    t.ok(refused('Content-Length: 5', other), other)
    t.ok(refused(other, 'x: y', 'Content-Length: 5'), `${other} first`)
  }
  t.ok(refused('Content-Length: 0', 'Content-Length: 0'))
})

t.test(
  'chunked is the only transfer coding, and only in HTTP/1.1 (RFC 9112 section 6.1)',
  async t => {
    for (const coding of ['chunked', 'Chunked', '\tCHUNKED ']) {
      t.equal(read(`Transfer-Encoding:${coding}`).framing, 'chunked', coding)
      t.equal(read(`transfer-encoding: ${coding}`).framing, 'chunked', coding)
      t.equal(
        refusal(() => readHead(block('HTTP/1.0 200 OK', `Transfer-Encoding: ${coding}`))),
        'LINE_MALFORMED',
        `${coding} in HTTP/1.0`,
      )
    }
    for (const coding of [
      ...['', 'identity', 'gzip', 'xchunked', 'chunkedx', 'chunke', '"chunked"', 'chun\u212aed'],
      ...['gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked,', ',chunked'],
      ...['chunked;q=1', 'chunked ; a', 'chunked\xa0', '\xa0chunked', 'chunked chunked'],
    ]) {
      t.ok(refused(`Transfer-Encoding: ${coding}`), JSON.stringify(coding))
    }
  },
)

t.test('a length and a coding, or two codings, are refused (RFC 9112 section 6.3)', async t => {
  t.ok(refused('Content-Length: 5', 'Transfer-Encoding: chunked'))
  t.ok(refused('Transfer-Encoding: chunked', 'Content-Length: 0'))
  t.ok(refused('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'))
  t.ok(refused('Transfer-Encoding: gzip', 'transfer-encoding: chunked'))
  t.ok(refused('Transfer-Encoding:', 'transfer-encoding: chunked'))
})

t.test('what is said of a body is wrong in answers without one too', async t => {
  for (const status of [103, 204, 304]) {
    t.equal(
      refusal(() => readHead(block(`HTTP/1.1 ${status} x`, 'Content-Length: +5'))),
      'LINE_MALFORMED',
      `${status}`,
    )
  }
})

t.test(
  'a connection is kept in HTTP/1.1 unless it is to be closed (RFC 9112 section 9.3)',
  async t => {
    t.equal(read().keepAlive, true)
    for (const value of ['keep-alive', 'Upgrade', '', 'closed', 'x-close', 'close-x', 'enclose']) {
      t.equal(read(`Connection: ${value}`).keepAlive, true, value)
    }
    for (const value of [
      'close',
      'Close',
      'x-a, CLOSE',
      'close,x-a',
      'x-a,close ,b',
      'a,\tclose',
    ]) {
      t.equal(read(`Connection: ${value}`).keepAlive, false, value)
      t.equal(read(`connection: ${value}`, 'connection: keep-alive').keepAlive, false, value)
      t.equal(read('Connection: keep-alive', `CONNECTION: ${value}`).keepAlive, false, value)
    }
    t.equal(readHead(block('HTTP/1.0 200 OK')).keepAlive, false)
    t.equal(readHead(block('HTTP/1.0 200 OK', 'Connection: keep-alive')).keepAlive, false)
    t.equal(read('X-Connection: close', 'Proxy-Connection: close').keepAlive, true)
  },
)

t.test('Keep-Alive says how long an idle connection is kept', async t => {
  for (const [value, seconds] of [
    ['timeout=5, max=100', 5],
    ['timeout=5', 5],
    ['max=100, Timeout=72', 72],
    ['max=100,timeout=3', 3],
    ['timeout=0', 0],
    ['timeout=005;max=1', 5],
    ['timeout=999999999', 999_999_999],
    ['timeout=9999999999', undefined],
    ['timeout', undefined],
    ['timeout=', undefined],
    ['timeout=-1', undefined],
    ['timeout=1.5', undefined],
    ['timeout=5s', undefined],
    ['x-timeout=5', undefined],
    ['max=100', undefined],
    ['5', undefined],
    ['', undefined],
  ] as const) {
    t.equal(read(`Keep-Alive: ${value}`).idleTimeout, seconds, value)
  }
  t.equal(read().idleTimeout, undefined)
  t.equal(read('X-Keep-Alive: timeout=5').idleTimeout, undefined)
})

t.test('a name that comes again is read as it was the first time', async t => {
  for (let i = 0; i < 3; i++) {
    t.equal(read('Content-Length: 5').framing, 5)
    t.ok(refused('no token: 1'))
    t.ok(refused(' Content-Length: 5'))
  }
})

t.test('trailers are fields, or they are refused (RFC 9112 section 7.1.2)', async t => {
  const code = (text: string) => refusal(() => checkTrailers(text))
  t.equal(code(''), undefined)
  t.equal(code(block('a: b', 'Content-Length: 5', 'Content-Length: 6', 'c:')), undefined)
  for (const line of [
    'a',
    ' a: b',
    'a : b',
    ': b',
    'a: \0',
    'a: b\n',
    'a: b\r',
    'HTTP/1.1 200 OK',
  ]) {
    t.equal(code(block(line)), 'LINE_MALFORMED', JSON.stringify(line))
    t.equal(code(block('x: y', line)), 'LINE_MALFORMED', `${JSON.stringify(line)} later`)
  }
})

t.test(
  'what has no body and announces one is the last of its connection (RFC 9110 section 8.6)',
  async t => {
    const keeps = (line: string, ...fields: string[]) =>
      readHead([line, ...fields, ''].join('\r\n')).keepAlive
    t.ok(keeps('HTTP/1.1 204 No Content'))
    t.ok(keeps('HTTP/1.1 204 No Content', 'content-length: 0'))
    t.ok(keeps('HTTP/1.1 304 Not Modified', 'content-length: 45'), 'that of the body it stands for')
    t.notOk(keeps('HTTP/1.1 204 No Content', 'content-length: 45'))
    for (const line of ['HTTP/1.1 204 No Content', 'HTTP/1.1 304 Not Modified'])
      t.notOk(keeps(line, 'transfer-encoding: chunked'))
  },
)

t.test('a status text is visible text, or nothing', async t => {
  for (const text of ['OK', '', 'Not Found', 'caf\u00e9', 'a\tb']) t.ok(isStatusText(text), text)
  for (const text of ['a\r\nb', '\u0000', '\ufffd', 'a\u0080']) t.notOk(isStatusText(text))
})

t.test('Content-Length leaves in every spelling, as often as it stands', async t => {
  const headers = ['content-length', '1', 'x-a', 'content-length', 'Content-Length', '2']
  removeLength(headers)
  t.same(headers, ['x-a', 'content-length'])
})

t.test('an event stream is one by its type alone', async t => {
  t.ok(isEventStream(['x', 'y', 'Content-Type', 'Text/Event-Stream; charset=utf-8']))
  t.notOk(isEventStream(['content-type', 'text/plain', 'content-type', 'text/event-stream']))
  t.notOk(isEventStream(['x-type-of-it', 'text/event-stream']))
  t.notOk(isEventStream([]))
})
