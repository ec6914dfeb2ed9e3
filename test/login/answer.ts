import t from 'tap'
import { passHeaders, readContent } from '../../src/login/answer.ts'

const kindOf = (headers: string[], body: string | Buffer = '{}'): string =>
  readContent({ status: 200, headers, body: Buffer.from(body) }).kind

t.test('reads JSON by its media type, in UTF-8', async t => {
  const json = [
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json ; charset="UTF-8"',
    'application/json; charset=utf8',
    'application/json; profile="a;b"',
    'application/problem+json',
    'application/vnd.api+json; version=1; charset=utf-8',
  ]
  for (const type of json) t.equal(kindOf(['content-type', type]), 'json', type)
  const other = [
    ...['', 'text/json', 'text/html', 'application/jsonp', 'application/json-seq', '+json'],
    ...['application/json, text/html', 'xapplication/json', 'application/json/x', 'json'],
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/json; charset=iso-8859-1; charset=utf-8',
    'application/json; charset',
    'application/json; charset=',
    'application/json; charset = utf-16',
  ]
  for (const type of other) t.equal(kindOf(['Content-Type', type]), 'other', type)
  t.equal(kindOf([]), 'other', 'without a type')
  const twice = ['content-type', 'application/json', 'Content-Type', 'application/json']
  t.equal(kindOf(twice), 'other', 'with two')
})

t.test('reads a hostile content type in linear time (RL-08)', async t => {
  for (const unit of [';', ' ', 'a+', '+json', ';charset=utf-8', '"']) {
    const started = performance.now()
    kindOf(['content-type', `application/json${unit.repeat(1_000_000 / unit.length)}x`])
    t.ok(performance.now() - started < 5_000, unit)
  }
})

t.test('decodes strictly, and leaves a byte order mark for the parser to refuse', async t => {
  const json = ['content-type', 'application/json']
  t.match(readContent({ status: 200, headers: json, body: Buffer.from('"ä€😀"') }), {
    kind: 'json',
    text: '"ä€😀"',
  })
  t.match(readContent({ status: 200, headers: json, body: Buffer.from('\ufeff{}') }), {
    text: '\ufeff{}',
  })
  for (const [how, hex] of Object.entries({
    'Latin-1': '22e422',
    'UTF-16': 'fffe2200',
    'an encoded surrogate': '22eda08022',
    'an overlong quote': '22c0a222',
    'a cut character': '22e282',
  })) {
    t.match(
      readContent({ status: 200, headers: json, body: Buffer.from(hex, 'hex') }),
      {
        kind: 'other',
        reason: 'is not UTF-8',
      },
      how,
    )
  }
})

t.test('tells content codings from none', async t => {
  const json = ['content-type', 'application/json']
  for (const coding of ['gzip', 'br', 'GZIP', 'deflate', 'identity, gzip', 'aws-chunked', 'x']) {
    t.equal(kindOf([...json, 'Content-Encoding', coding]), 'encoded', coding)
  }
  const two = [...json, 'content-encoding', 'identity', 'content-encoding', 'zstd']
  t.equal(kindOf(two), 'encoded', 'in two lines')
  for (const coding of ['identity', 'Identity', '', ' identity , ']) {
    t.equal(kindOf([...json, 'content-encoding', coding]), 'json', coding)
  }
  t.equal(kindOf(['content-encoding', 'gzip'], ''), 'empty')
})

const own = new Set(['__host-http-session', '__host-http-login'])
const pass = (headers: string[], listed: string[] = []): string[] =>
  passHeaders(headers, { listed, own })

t.test('drops what speaks of the body as it was, and forbids to store it', async t => {
  const about = [
    ...['ETag', '"1"', 'Digest', 'x', 'content-digest', 'x', 'Repr-Digest', 'x'],
    ...['Content-MD5', 'x', 'content-length', '7', 'accept-ranges', 'bytes', 'age', '1'],
    ...[
      'last-modified',
      'x',
      'expires',
      '0',
      'cache-control',
      'public',
      'Cache-Control',
      'max-age=1',
    ],
    ...['content-encoding', 'identity', 'trailer', 'x-token'],
  ]
  t.same(pass(['X-One', '1', ...about, 'x-two', '2', 'X-One', '3']), [
    ...['X-One', '1', 'x-two', '2', 'X-One', '3', 'cache-control', 'no-store'],
  ])
})

const setsWith = (listed: string[], ...values: string[]): string[] =>
  pass(
    values.flatMap(value => ['Set-Cookie', value]),
    listed,
  ).filter((_, i, all) => i % 2 === 1 && all[i - 1] === 'Set-Cookie')

t.test('passes only the cookies that are listed', async t => {
  const lang = ['lang=en', 'lang=de; Path=/; Secure', ' lang = fr', 'lang=']
  t.same(setsWith(['lang', 'theme'], ...lang), lang)
  t.same(setsWith([], ...lang), [])
  const others = ['Lang=en', 'sid=1', 'sid=1; lang=en', 'lan=1', 'lang', 'lang;x=1', '"lang"=1']
  t.same(setsWith(['lang'], ...others), [])
})

t.test('never passes a cookie of our own, nor one without a name', async t => {
  const forged = [
    '__Host-Http-session=x; Path=/',
    '__Host-Http-session=; Max-Age=0',
    '__HOST-HTTP-SESSION=x',
    '\t__Host-Http-login =x',
    '=__Host-Http-session=x',
    ' = __Host-Http-session=x',
    '__Host-Http-session',
    '\u00a0__Host-Http-session=x',
    '',
  ]
  t.same(setsWith(['*', '__Host-Http-session'], ...forged), [])
  t.same(setsWith(['*'], 'lang=en', 'sid=1'), ['lang=en', 'sid=1'])
})
