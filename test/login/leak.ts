import t from 'tap'
import { createLeaks } from '../../src/login/leak.ts'

const base64url = (text: string): string => Buffer.from(text).toString('base64url')
const header = base64url('{"alg":"RS256","typ":"JWT"}')
const payload = base64url('{"sub":"alice","exp":1900000000}')
const signature = 'q4Vd_Zk3cW0x9LrT-bn2mHs7YpJgE5uAoXfC1iQ8wNl'
const jwt = `${header}.${payload}.${signature}`
/** Of characters that need an escape somewhere. */
const refresh = 'r/ef+resh="to\\ken 100%=='

const hex = (char: string): string => char.charCodeAt(0).toString(16).padStart(2, '0')
const everyChar = (text: string, write: (char: string) => string): string =>
  [...text].map(write).join('')
const encodings: Record<string, (text: string) => string> = {
  'as it is': text => text,
  'in the middle of other text': text => `x${text}y`,
  'percent-encoded': encodeURIComponent,
  'percent-encoded wholly': text => everyChar(text, char => `%${hex(char)}`),
  'percent-encoded twice': text => encodeURIComponent(everyChar(text, char => `%${hex(char)}`)),
  'as a JSON string': text => JSON.stringify({ text }),
  'JSON-escaped wholly': text => `"${everyChar(text, char => `\\u00${hex(char).toUpperCase()}`)}"`,
  'as JSON within JSON': text => JSON.stringify({ a: JSON.stringify({ text }) }),
  'percent-encoded within JSON': text => JSON.stringify({ a: encodeURIComponent(text) }),
  'JSON-escaped within a query': text => `?a=${encodeURIComponent(JSON.stringify({ text }))}`,
  'in base64': text => Buffer.from(`{"passport":${JSON.stringify(text)}}`).toString('base64'),
  'in base64url, after a line end': text => `\\n${base64url(`state=${text}`)}`,
  'in UTF-16': text => Buffer.from(text, 'utf16le').toString('latin1'),
}

t.test('finds a secret in whatever it is wrapped', async t => {
  const leaks = createLeaks([refresh])
  for (const [how, encode] of Object.entries(encodings)) {
    t.equal(leaks(encode(refresh)), 'a captured token is still in the answer', how)
  }
  const escapes = createLeaks(['reads%41like\\u0041escapes'])
  for (const how of ['as it is', 'percent-encoded', 'as a JSON string']) {
    t.ok(escapes(encodings[how]?.('reads%41like\\u0041escapes') ?? ''), `${how}, of escapes`)
  }
})

t.test('finds the payload and the signature of a captured JWT alone', async t => {
  const leaks = createLeaks([jwt])
  for (const part of [jwt, `${payload}.${signature}`, payload, signature]) {
    for (const [how, encode] of Object.entries(encodings)) t.ok(leaks(encode(part)), how)
  }
  t.equal(leaks(header), undefined, 'but not the header, which tokens share')
})

t.test('finds tokens that nobody named, by their shape', async t => {
  const leaks = createLeaks([])
  const headers = [
    '{"alg":"HS256"}',
    '{"typ":"JWT","alg":"none"}',
    '{"kid":"a","typ":"JWT","alg":"ES256"}',
    '{ "alg" : "RS256" }',
    '{\r\n "alg": "RS256"}',
    '{"enc":"A128GCM","alg":"dir"}',
    `{"x5c":["${'A'.repeat(3_000)}"],"alg":"RS256"}`,
  ]
  for (const text of headers) {
    const token = `${base64url(text)}.${payload}.${signature}`
    for (const [how, encode] of Object.entries(encodings)) {
      t.equal(leaks(encode(token)), 'another token is in the answer', `${text.slice(0, 40)} ${how}`)
    }
  }
  const head = base64url('{"alg":"RS256"}')
  t.ok(leaks(`${base64url('{"\\u0061lg":"RS256"}')}.${payload}.`), 'with an escaped name')
  t.ok(leaks(`${head}..${signature}`), 'without its payload')
  t.ok(leaks(`${head}.${payload}.`), 'without a signature')
  t.ok(leaks(`${head}.${payload}`), 'without the dot of one')
  t.ok(leaks(`${head}.AA.AA.AA.AA`), 'encrypted')
  t.ok(leaks(`s_${head}.${payload}.${signature}`), 'behind other base64url characters')
  t.ok(leaks(`1.2.${head}.${payload}.${signature}`), 'behind other segments')
})

t.test('finds nothing in ordinary answers', async t => {
  const leaks = createLeaks([jwt, refresh])
  const texts = [
    '',
    '{"user":{"sub":"alice","name":"Ælice","mail":"a@b.example","url":"https:\\/\\/a.b\\/?q=%20%C3%A4"}}',
    'www.example.com 1.2.3 100% sure, 50 %off and %zz \\u12 \\x',
    `data:image/png;base64,${'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ'.repeat(20)}`,
    `${base64url('{"typ":"state","n":1234567890}')}.${payload.slice(1)}`,
    `{"alg":"RS256"}.${payload.slice(0, 20)}`,
    base64url('{"alg":"RS256"}'),
    '/a?next=%252Fb%253Fc%253D%25C3%25A4',
  ]
  for (const text of texts) t.equal(leaks(text), undefined, text.slice(0, 60))
})

t.test('counts the end of a long secret as the secret', async t => {
  const long = `${'ab'.repeat(500)}${signature}${signature}`
  const leaks = createLeaks([long])
  t.ok(leaks(long))
  t.ok(leaks(long.slice(-64)))
  t.notOk(leaks(long.slice(-63)))
})

t.test('looks for no empty secret', async t => {
  t.equal(createLeaks([''])('text'), undefined)
  t.equal(createLeaks([`${header}..`])('text'), undefined)
})

t.test('gives up on what is encoded too often to be searched', async t => {
  let text = '%'
  for (let i = 0; i < 6; i += 1) text = encodeURIComponent(text)
  t.equal(createLeaks([])(text), 'it is encoded too often to be searched')
})

t.test('takes time in proportion to the text, whatever it holds (RL-08)', async t => {
  const shapes: Record<string, string> = {
    'one run': 'a',
    dots: '.',
    segments: 'a.',
    headers: 'eyJ',
    'headers and dots': 'eyJhbGciOi.',
    'names without a dot': 'ImFsZyI6',
    'short of the end of a secret': 'b',
    'JSON escapes': '\\u0061',
    backslashes: '\\',
    'percent escapes': '%41',
    percents: '%25',
    'base64 of base64': base64url('abcdefghijkl'),
    'short runs': 'abcdefghijklmnopqrstuvw ',
    nulls: '\0',
    mixed: 'eyJ\\u0061lg%22.\0',
  }
  const leaks = createLeaks([`c${'b'.repeat(400_000)}`, `c${'a'.repeat(63)}`, jwt])
  for (const [name, unit] of Object.entries(shapes)) {
    const text = unit.repeat(1_000_000 / unit.length)
    const started = performance.now()
    leaks(text)
    // Quadratic would be minutes; the slowest takes half a second.
    t.ok(performance.now() - started < 10_000, name)
  }
})
