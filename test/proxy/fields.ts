import t from 'tap'
import { isFieldValue, isToken, trimmed } from '../../src/proxy/fields.ts'

const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))

t.test('a token is made of 77 characters, and not empty (RFC 9110 section 5.6.2)', async t => {
  t.equal(bytes.filter(isToken).length, 77)
  for (const byte of bytes) t.equal(isToken(`a${byte}b`), isToken(byte), JSON.stringify(byte))
  for (const text of ['', 'a\n', '\na', '\u0100']) t.notOk(isToken(text))
})

t.test('a value has no control character but HTAB (RFC 9110 section 5.5)', async t => {
  const refused = bytes.filter(byte => !isFieldValue(byte))
  t.strictSame(refused, [...bytes.slice(0, 9), ...bytes.slice(10, 32), '\x7f'])
  for (const text of ['', 'a b', 'caf\xe9']) t.ok(isFieldValue(text))
  for (const text of ['a\r\nb', 'a\nb', 'a\rb', '\u0100']) t.notOk(isFieldValue(text))
})

t.test('blanks are SP and HTAB', async t => {
  const text = 'x: \t a b\t \xa0 \t'
  t.equal(trimmed(text, 2, text.length), 'a b\t \xa0')
  t.equal(trimmed(' \t ', 0, 3), '')
  t.equal(trimmed('abc', 1, 2), 'b')
})
