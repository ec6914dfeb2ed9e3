import fc from 'fast-check'
import t from 'tap'
import type { AnswerHead } from '../../src/proxy/answer-head.ts'
import { AnswerReader } from '../../src/proxy/answer-reader.ts'
import { LineError } from '../../src/proxy/line-error.ts'
import {
  type AnswerText,
  answerTexts,
  type ReadAnswer,
  type ReadHead,
  startNodeReader,
} from '../fixtures/answer-texts.ts'

const limit = 256

/**
 * A reader that writes down what it says: the status of each header block, `body` with its bytes, `end`, `rest` with
 * the bytes behind an agreement to switch, and the code of the error. Pieces of a body that follow each other are one.
 */
const startReader = (switches: boolean) => {
  const said: string[] = []
  const heads: ReadHead[] = []
  let body = ''
  const say = (what: string) => {
    if (body !== '') said.push(`body ${body}`)
    body = ''
    said.push(what)
  }
  const reader = new AnswerReader(
    {
      onHead: head => {
        say(String(head.status))
        heads.push(head)
        return head.status !== 101 || !switches
      },
      onBody: chunk => {
        if (chunk.length === 0) say('an empty chunk')
        body += chunk.toString('latin1')
      },
      onEnd: () => say('end'),
    },
    limit,
  )
  /** False where it has thrown. */
  const attempt = (reading: () => Buffer | undefined): boolean => {
    try {
      const rest = reading()
      if (rest !== undefined) say(`rest ${rest.toString('latin1')}`)
      return rest === undefined
    } catch (error) {
      if (!(error instanceof LineError)) throw error
      say(error.code)
      return false
    }
  }
  return {
    heads,
    said,
    expect: (method: string) => reader.expect(method),
    read: (text: string) => attempt(() => reader.read(Buffer.from(text, 'latin1'))),
    finish: () => attempt(() => void reader.finish()),
    /** What is still to be said of a body that has not ended. */
    flush: (): readonly string[] => (body === '' ? said : [...said, `body ${body}`]),
  }
}

interface Reading {
  readonly method?: string
  /** The other side closes behind it. */
  readonly closes?: boolean
  readonly switches?: boolean
}

const readPortions = (portions: readonly string[], reading: Reading = {}) => {
  const { method = 'GET', closes = false, switches = false } = reading
  const reader = startReader(switches)
  reader.expect(method)
  if (portions.every(portion => reader.read(portion)) && closes) reader.finish()
  return { heads: reader.heads, said: reader.flush() }
}

const readWhole = (text: string, reading?: Reading) => readPortions([text], reading).said

/** The same text in one, byte by byte, and in two at each place. */
const cuttings = (text: string): readonly (readonly string[])[] => [
  [text],
  [...text],
  ...Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]),
]

/** Says what is different where it is not the same however the text is cut. */
const wrongIn = (text: string, wanted: readonly string[], reading: Reading): string | undefined => {
  for (const portions of cuttings(text)) {
    const got = JSON.stringify(readPortions(portions, reading).said)
    if (got !== JSON.stringify(wanted)) return `${got} for ${JSON.stringify(portions)}`
  }
  return undefined
}

const block = (...lines: readonly string[]) => lines.map(line => `${line}\r\n`).join('')
const ok = (...lines: readonly string[]) => block('HTTP/1.1 200 OK', ...lines, '')
const chunkedHead = ok('Transfer-Encoding: chunked')

interface Case extends Reading {
  readonly text: string
  readonly said: readonly string[]
}

const early = block('HTTP/1.1 103 Early Hints', 'Link: </a>', '')

const answers: Readonly<Record<string, Case>> = {
  'a body of a length': {
    text: `${ok('Content-Length: 7')}a\r\n\r\n\0\xff`,
    said: ['200', 'body a\r\n\r\n\0\xff', 'end'],
  },
  'a body that looks like an answer': {
    text: `${ok('Content-Length: 19')}${ok()}`,
    said: ['200', `body ${ok()}`, 'end'],
  },
  'a body of no length': { text: ok('Content-Length: 0'), said: ['200', 'end'] },
  'a body in chunks': {
    text: `${chunkedHead}${block('3', 'abc', '1', 'd', '0', '')}`,
    said: ['200', 'body abcd', 'end'],
  },
  'chunks with bytes of their own framing': {
    text: `${chunkedHead}${block('7', '0\r\n\r\n\r\n', '2', '\r\n', '0', '')}`,
    said: ['200', 'body 0\r\n\r\n\r\n\r\n', 'end'],
  },
  'no chunks': { text: `${chunkedHead}${block('0', '')}`, said: ['200', 'end'] },
  'sizes in upper and lower case, with zeros in front': {
    text: `${chunkedHead}${block('a', '0123456789', 'A', 'abcdefghij', '000c', 'ABCDEFGHIJKL', '000', '')}`,
    said: ['200', 'body 0123456789abcdefghijABCDEFGHIJKL', 'end'],
  },
  'chunk extensions': {
    text: `${chunkedHead}${block('1;a', 'x', '1;a=b;c="d e"', 'y', '0;last', '')}`,
    said: ['200', 'body xy', 'end'],
  },
  trailers: {
    text: `${chunkedHead}${block('1', 'x', '0', 'a: b', 'Content-Length: 5', 'c:', '')}`,
    said: ['200', 'body x', 'end'],
  },
  'a body until the end': {
    text: `${ok()}abc\r\n\r\n0\r\n\r\n`,
    closes: true,
    said: ['200', 'body abc\r\n\r\n0\r\n\r\n', 'end'],
  },
  'nothing until the end': { text: ok(), closes: true, said: ['200', 'end'] },
  'HTTP/1.0': {
    text: `${block('HTTP/1.0 200 OK', 'Connection: keep-alive', '')}abc`,
    closes: true,
    said: ['200', 'body abc', 'end'],
  },
  'HEAD and a length': { text: ok('Content-Length: 5'), method: 'HEAD', said: ['200', 'end'] },
  'HEAD and chunks': { text: chunkedHead, method: 'HEAD', said: ['200', 'end'] },
  'HEAD and nothing': { text: ok(), method: 'HEAD', said: ['200', 'end'] },
  'a 204 that speaks of a body': {
    text: block('HTTP/1.1 204 No Content', 'Content-Length: 5', ''),
    said: ['204', 'end'],
  },
  'a 304 that speaks of a body': {
    text: block('HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked', ''),
    said: ['304', 'end'],
  },
  'a 205 with a body': {
    text: `${block('HTTP/1.1 205 Reset Content', 'Content-Length: 1', '')}x`,
    said: ['205', 'body x', 'end'],
  },
  'several 1xx before the answer': {
    text: `${block('HTTP/1.1 100 Continue', '')}${early}${early}${ok('Content-Length: 1')}x`,
    said: ['100', '103', '103', '200', 'body x', 'end'],
  },
  'a 1xx that speaks of a body': {
    text: `${block('HTTP/1.1 102 x', 'Content-Length: 5', '')}${ok('Content-Length: 1')}x`,
    said: ['102', '200', 'body x', 'end'],
  },
  'a 1xx to HEAD': {
    text: `${early}${ok('Content-Length: 5')}`,
    method: 'HEAD',
    said: ['103', '200', 'end'],
  },
}

t.test('an answer is the same however its bytes are cut (RFC 9112 section 6.3)', async t => {
  for (const [name, { text, said, ...reading }] of Object.entries(answers)) {
    t.equal(wrongIn(text, said, reading), undefined, name)
  }
})

t.test('a header block is given as it is, of 1xx too', async t => {
  const text = `${early}${block('HTTP/1.1 404 ', 'b: 1', 'B:\t2', 'Content-Length: 0', '')}`
  for (const portions of cuttings(text)) {
    const { heads } = readPortions(portions)
    t.match(heads, [
      { status: 103, statusText: 'Early Hints', headers: ['Link', '</a>'] },
      { status: 404, statusText: '', headers: ['b', '1', 'B', '2', 'Content-Length', '0'] },
    ])
  }
})

t.test('one reader reads the answers of one connection one after the other', async t => {
  for (const cut of [(text: string) => [text], (text: string) => [...text]]) {
    const reader = startReader(false)
    const read = (method: string, text: string) => {
      reader.expect(method)
      return cut(text).every(portion => reader.read(portion))
    }
    t.ok(read('GET', `${chunkedHead}${block('1', 'a', '0', 'x: y', '')}`))
    t.ok(read('HEAD', `${early}${ok('Content-Length: 5')}`))
    t.ok(read('GET', `${ok('Content-Length: 1')}b`), 'no longer to HEAD')
    t.ok(read('GET', block('HTTP/1.1 304 x', '')))
    t.ok(read('POST', `${chunkedHead}${block('1', 'c', '0', '')}`))
    t.strictSame(reader.said, [
      ...['200', 'body a', 'end', '103', '200', 'end', '200', 'body b', 'end'],
      ...['304', 'end', '200', 'body c', 'end'],
    ])
  }
})

t.test('a portion that is all body is given as it is', async t => {
  const given: Buffer[] = []
  const onBody = (chunk: Buffer) => void given.push(chunk)
  const reader = new AnswerReader({ onHead: () => true, onBody, onEnd() {} }, limit)
  for (const head of [ok('Content-Length: 3'), `${chunkedHead}3\r\n`, ok()]) {
    reader.expect('GET')
    reader.read(Buffer.from(head))
    const body = Buffer.from('abc')
    reader.read(body)
    t.equal(given.pop(), body)
    if (head.endsWith('3\r\n')) reader.read(Buffer.from('\r\n0\r\n\r\n'))
  }
})

t.test('a chunk is framed to the byte (RFC 9112 section 7.1)', async t => {
  const malformed = 'LINE_MALFORMED'
  for (const [body, ...said] of [
    ['0x1\r\n', malformed],
    ['+1\r\n', malformed],
    ['-1\r\n', malformed],
    [' 1\r\n', malformed],
    ['1 \r\n', malformed],
    ['1\t\r\n', malformed],
    ['1 1\r\n', malformed],
    ['1_0\r\n', malformed],
    ['1.0\r\n', malformed],
    ['1h\r\n', malformed],
    ['g\r\n', malformed],
    ['\r\n', malformed],
    [';a\r\n', malformed],
    ['1:a\r\n', malformed],
    ['1,a\r\n', malformed],
    ['\x001\r\n', malformed],
    ['1\0\r\n', malformed],
    ['1;\0\r\n', malformed],
    ['1;a\x7f\r\n', malformed],
    ['\xb9\r\n', malformed],
    // More digits than a size can have, and one that is too great for any body.
    ['00000000000001\r\n', malformed],
    ['ffffffffffffff\r\n', malformed],
    ['10000000000000000\r\n', malformed],
    // CR or LF alone ends no line.
    ['1\na\n0\n\n', malformed],
    // Extensions are tokens, with a value or without.
    ['1;\xff\r\n', malformed],
    ['1;\r\n', malformed],
    ['1;;a\r\n', malformed],
    ['1;a=,b\r\n', malformed],
    ['1 ;a\r\n', malformed],
    ['1\na\r\n0\r\n\r\n', malformed],
    ['1\ra\r\n', malformed],
    ['1;a\na\r\n', malformed],
    ['1;a\r;\r\n', malformed],
    ['1\r\r\n', malformed],
    // Longer or shorter than it says.
    ['1\r\nab\r\n', 'body a', malformed],
    ['1\r\nab', 'body a', malformed],
    ['3\r\na\r\n0\r\n\r\n', 'body a\r\n', malformed],
    ['3\r\na\r\n', 'body a\r\n'],
    // Without the CRLF behind it.
    ['1\r\na0\r\n\r\n', 'body a', malformed],
    ['1\r\na\n0\r\n\r\n', 'body a', malformed],
    ['1\r\na\r0\r\n\r\n', 'body a', malformed],
    ['1\r\na\r\r\n0', 'body a', malformed],
    ['1\r\na\n\r0', 'body a', malformed],
    ['1\r\na\r\n\r\n', 'body a', malformed],
    // Trailers that are none.
    ['0\r\na\r\n\r\n', malformed],
    ['0\r\n a: b\r\n\r\n', malformed],
    ['0\r\na : b\r\n\r\n', malformed],
    ['0\r\na: b\r\n c\r\n\r\n', malformed],
    ['0\r\na: \0\r\n\r\n', malformed],
    ['0\r\na: b\n\r\n\r\n', malformed],
    ['0\r\na: b\rc: d\r\n\r\n', malformed],
    ['0\r\n\n\r\n', malformed],
    ['0\r\nHTTP/1.1 200 OK\r\n\r\n', malformed],
  ] as const) {
    const wanted = ['200', ...said.filter(what => what !== undefined)]
    t.equal(wrongIn(chunkedHead + body, wanted, {}), undefined, JSON.stringify(body))
  }
})

t.test('what does not read as a header block ends the connection', async t => {
  for (const text of [
    ok('a : b'),
    ok('a: b\nc: d'),
    ok('Content-Length: 1', 'Content-Length: 1'),
    ok('Content-Length: 1', 'Transfer-Encoding: chunked'),
    block('HTTP/1.1 2000 OK', ''),
    block('', 'HTTP/1.1 200 OK', ''),
    block('', ''),
  ]) {
    t.equal(wrongIn(text, ['LINE_MALFORMED'], {}), undefined, JSON.stringify(text))
  }
  const second = `${early}${block('HTTP/1.1 103 x', 'a', '')}`
  t.equal(wrongIn(second, ['103', 'LINE_MALFORMED'], {}), undefined, 'a second block')
})

t.test('nonsense is refused at its first bytes, without an end of a block', async t => {
  const opening = 'HTTP/1.'
  for (let at = 0; at < opening.length; at++) {
    const begun = opening.slice(0, at)
    t.strictSame(readPortions([...begun]).said, [], `"${begun}" may be the beginning`)
    for (const other of '\r\n \0xh29') {
      const text = begun + other
      t.equal(wrongIn(text, ['LINE_MALFORMED'], {}), undefined, JSON.stringify(text))
    }
  }
  for (const text of [
    'SSH-2.0-OpenSSH_9.6\r\n',
    '\x15\x03\x03\0\x02\x02\x28',
    '+PONG\r\n',
    '<html>',
  ]) {
    t.strictSame(readWhole(text), ['LINE_MALFORMED'], JSON.stringify(text))
    t.strictSame(readWhole(early + text), ['103', 'LINE_MALFORMED'], 'behind a 1xx')
  }
})

t.test('a header block has a limit, even when it never ends', async t => {
  const spare = limit - ok('a: ').length
  const longest = ok(`a: ${'b'.repeat(spare)}`)
  t.equal(longest.length, limit)
  t.equal(wrongIn(longest, ['200'], {}), undefined)
  t.equal(wrongIn(early + longest, ['103', '200'], {}), undefined, 'each has one of its own')
  const longer = ok(`a: ${'b'.repeat(spare + 1)}`)
  t.equal(wrongIn(longer, ['LINE_OVERFLOW'], {}), undefined)

  for (const text of [
    block('HTTP/1.1 200 OK').padEnd(limit, 'b'),
    'HTTP/1.1 200 '.padEnd(limit, ' '),
  ]) {
    t.equal(wrongIn(text, [], {}), undefined, 'as many bytes may come')
    t.equal(wrongIn(`${text}b`, ['LINE_OVERFLOW'], {}), undefined, 'and not one more')
  }
  const endless = block('HTTP/1.1 200 OK', ...Array<string>(limit).fill('a: b'))
  t.equal(wrongIn(endless.slice(0, limit + 1), ['LINE_OVERFLOW'], {}), undefined)
})

t.test('the line with the size of a chunk has a limit', async t => {
  const longest = `1;${'a'.repeat(1020)}\r\n`
  t.strictSame(readWhole(`${chunkedHead}${longest}x`), ['200', 'body x'])
  t.strictSame(readPortions([chunkedHead, ...longest, 'x']).said, ['200', 'body x'])
  for (const line of [`1;${'a'.repeat(1021)}\r\n`, '1;'.padEnd(1025, 'a'), '0'.repeat(1025)]) {
    t.strictSame(readWhole(chunkedHead + line), ['200', 'LINE_OVERFLOW'])
    t.strictSame(readPortions([chunkedHead, ...line]).said, ['200', 'LINE_OVERFLOW'])
  }
})

t.test('a trailer section has the limit of a header block, in one line or in many', async t => {
  const last = `${chunkedHead}0\r\n`
  const room = limit - block('a: ', '').length
  t.equal(wrongIn(`${last}${block(`a: ${'b'.repeat(room)}`, '')}`, ['200', 'end'], {}), undefined)
  for (const lines of [
    [`a: ${'b'.repeat(room + 1)}`, ''],
    Array<string>(limit / 4).fill('a:'),
    [...Array<string>(limit / 4 - 1).fill('a:'), 'b: 1', ''],
  ]) {
    const text = last + block(...lines)
    if (lines.at(-1) === '') t.equal(wrongIn(text, ['200', 'LINE_OVERFLOW'], {}), undefined)
    else t.equal(wrongIn(`${text}\r`, ['200', 'LINE_OVERFLOW'], {}), undefined, 'not one more')
  }
  const unended = `${last}${'a'.repeat(limit)}`
  t.equal(wrongIn(unended, ['200'], {}), undefined, 'as many bytes may come')
  t.equal(wrongIn(`${unended}a`, ['200', 'LINE_OVERFLOW'], {}), undefined, 'and not one more')
})

t.test('bytes behind the end belong to no answer', async t => {
  for (const [name, { text, said, ...reading }] of Object.entries(answers)) {
    if (reading.closes) continue
    for (const more of ['\r\n', '\0', 'x', ok('Content-Length: 0')]) {
      const problem = wrongIn(text + more, [...said, 'LINE_UNASKED'], reading)
      t.equal(problem, undefined, `${name}, then ${JSON.stringify(more)}`)
    }
  }
  const reader = startReader(false)
  t.notOk(reader.read('HTTP/1.1 408 Request Timeout\r\n\r\n'))
  t.strictSame(reader.said, ['LINE_UNASKED'], 'before any request')
})

t.test('an end in the middle of an answer, or before it, is an error', async t => {
  for (const text of [
    '',
    'HTTP/1.1 20',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n',
    'HTTP/1.1 200 OK\r\n\r',
    early,
    `${early}HTTP/`,
    ok('Content-Length: 1'),
    `${ok('Content-Length: 2')}a`,
    chunkedHead,
    `${chunkedHead}5`,
    `${chunkedHead}5\r`,
    `${chunkedHead}5\r\n`,
    `${chunkedHead}5\r\nab`,
    `${chunkedHead}2\r\nab`,
    `${chunkedHead}2\r\nab\r`,
    `${chunkedHead}2\r\nab\r\n`,
    `${chunkedHead}0`,
    `${chunkedHead}0\r\n`,
    `${chunkedHead}0\r\n\r`,
    `${chunkedHead}0\r\na: b\r\n`,
  ]) {
    const said = [...readWhole(text), 'LINE_CLOSED']
    t.equal(wrongIn(text, said, { closes: true }), undefined, JSON.stringify(text))
    t.notOk(said.includes('end'))
  }
})

t.test('an end between two answers is no end of one', async t => {
  const reader = startReader(false)
  t.notOk(reader.finish())
  reader.expect('GET')
  reader.read(ok('Content-Length: 0'))
  t.notOk(reader.finish())
  reader.expect('GET')
  reader.read(ok())
  t.ok(reader.finish())
  t.notOk(reader.finish(), 'there is one end')
  t.notOk(reader.read('x'), 'and nothing behind it')
  t.strictSame(reader.said, [
    ...['LINE_CLOSED', '200', 'end', 'LINE_CLOSED', '200', 'end'],
    ...['LINE_CLOSED', 'LINE_UNASKED'],
  ])
})

t.test('behind an agreement to switch the bytes are those of the tunnel', async t => {
  const agreed = block('HTTP/1.1 101 Switching Protocols', 'Upgrade: x', 'Content-Length: 5', '')
  for (const before of ['', early]) {
    const said = before === '' ? ['101'] : ['103', '101']
    const head = before + agreed
    for (const rest of ['', '\0\xff\r\n\r\n', ok()]) {
      t.strictSame(readWhole(head + rest, { switches: true }), [...said, `rest ${rest}`])
      t.strictSame(readPortions([...head.slice(0, -1), `\n${rest}`], { switches: true }).said, [
        ...said,
        `rest ${rest}`,
      ])
    }
  }
  const reader = startReader(true)
  reader.expect('GET')
  reader.read(agreed)
  reader.read('a')
  reader.finish()
  t.strictSame(reader.said, ['101', 'rest ', 'rest a', 'LINE_CLOSED'])
  t.equal(wrongIn(`${agreed}${ok('Content-Length: 0')}`, ['101', '200', 'end'], {}), undefined)
})

t.test('what the listener throws ends the reading', async t => {
  const fail = () => {
    throw new Error('enough')
  }
  const text = Buffer.from(`${ok('Content-Length: 1')}xy`)
  const calm = { onHead: () => true, onBody() {}, onEnd() {} }
  for (const listener of [{ onHead: fail }, { onBody: fail }, { onEnd: fail }]) {
    const reader = new AnswerReader({ ...calm, ...listener }, limit)
    reader.expect('GET')
    t.throws(() => reader.read(text), { message: 'enough' })
  }
})

/** More with CLAIMCHECK_FUZZ_RUNS=20000; a failure prints its seed, which CLAIMCHECK_FUZZ_SEED takes. */
const numRuns = Number(process.env['CLAIMCHECK_FUZZ_RUNS'] ?? 1000)
const given = process.env['CLAIMCHECK_FUZZ_SEED']
const settings = { numRuns, ...(given !== undefined && { seed: Number(given) }) }

/** What a reader takes as an answer to its end, from a connection that is closed behind it. */
const readInPortions = ({ method, text }: AnswerText, sizes: readonly number[]) => {
  const portions: string[] = []
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[i % sizes.length] ?? text.length
    portions.push(text.slice(at, at + size))
    at += size
  }
  const { heads, said } = readPortions(portions, { method, closes: true })
  const body = said.filter(what => what.startsWith('body ')).map(what => what.slice(5))
  return { heads, said, body: body.join(''), complete: said.includes('end') }
}

const same = (one: ReadAnswer, other: ReadAnswer): boolean => {
  const flat = ({ heads, body, complete }: ReadAnswer) =>
    JSON.stringify([
      heads.map(({ status, statusText, headers }) => [status, statusText, headers]),
      body,
      complete,
    ])
  return flat(one) === flat(other)
}

t.test('what it takes as an answer, the parser of Node.js reads as the same', async t => {
  const readByNode = await startNodeReader(t)
  let taken = 0
  let alike = 0
  const portions = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 })
  const check = async (answer: AnswerText, sizes: readonly number[]): Promise<void> => {
    const read = readInPortions(answer, sizes)
    const { said } = readInPortions(answer, [])
    if (read.said.join() !== said.join()) throw new Error(`${read.said} in portions, not ${said}`)
    // The rest is refused, and whatever another makes of it does not matter.
    if (!read.complete) return
    taken++
    // Of what follows the end nobody is told: for Node.js it may be an error that comes after the answer.
    const byNode = await readByNode(answer)
    if (same(read, byNode)) alike++
    // A tab behind a length is a blank like any other (RFC 9110 section 5.5), but not to Node.js.
    else if (
      byNode.error !== 'Parse Error: Invalid character in Content-Length' ||
      !/^content-length:[\t ]*\d+[\t ]*\t/im.test(answer.text)
    )
      throw new Error(`Node.js read ${JSON.stringify(byNode)}`)
  }
  await fc.assert(fc.asyncProperty(answerTexts, portions, check), {
    ...settings,
    includeErrorInReport: true,
  })
  t.ok(alike > numRuns / 4, `${taken} answers were taken, ${alike} of them by both`)
})

t.test('lines that end with LF alone are refused when the first of them is there', async t => {
  const begun = () => {
    const reader = new AnswerReader({ onHead: () => true, onBody() {}, onEnd() {} }, limit)
    reader.expect('GET')
    return reader
  }
  t.throws(() => begun().read(Buffer.from('HTTP/1.1 200 OK\n')), { code: 'LINE_MALFORMED' })
  const split = begun()
  split.read(Buffer.from('HTTP/1.1 200 OK\r'))
  split.read(Buffer.from('\nx: y\r\n'))
  t.throws(() => split.read(Buffer.from('z: a\n')), { code: 'LINE_MALFORMED' })
})

t.test('there is an end to interim answers', async t => {
  const heads: number[] = []
  const onHead = ({ status }: AnswerHead) => heads.push(status) > 0
  const reader = new AnswerReader({ onHead, onBody() {}, onEnd() {} }, limit)
  const early = 'HTTP/1.1 103 Early Hints\r\n\r\n'
  for (const round of [1, 2]) {
    reader.expect('GET')
    reader.read(Buffer.from(`${early.repeat(100)}${ok('Content-Length: 0')}`))
    t.equal(heads.length, round * 101)
  }
  reader.expect('GET')
  t.throws(() => reader.read(Buffer.from(early.repeat(101))), { code: 'LINE_MALFORMED' })
  for (const last of [
    'HTTP/1.1 103 Early\r\nconnection: close\r\n\r\n',
    'HTTP/1.0 103 Early\r\n\r\n',
  ]) {
    reader.expect('GET')
    t.throws(() => reader.read(Buffer.from(last)), { code: 'LINE_MALFORMED' })
  }
})
