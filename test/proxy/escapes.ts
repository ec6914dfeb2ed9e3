import t from 'tap'
import { decodeWholly, escapedByte, isUnreserved, readUtf8 } from '../../src/proxy/escapes.ts'

t.test('escapedByte reads two hex digits in any case, and nothing else', t => {
  t.equal(escapedByte('a%2f', 1), 0x2f)
  t.equal(escapedByte('%fF', 0), 0xff)
  t.equal(escapedByte('%09', 0), 9)
  for (const text of ['%', '%2', '%g0', '%0g', '%:0', '%/0', '%@0', '%`0', '% 1']) {
    t.equal(escapedByte(text, 0), -1, text)
  }
  t.end()
})

t.test('isUnreserved is the list of RFC 3986 section 2.3', t => {
  const all = Array.from({ length: 256 }, (_, code) => code).filter(isUnreserved)
  t.equal(
    String.fromCharCode(...all),
    '-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~',
  )
  t.end()
})

t.test('decodeWholly decodes until nothing is left to decode', t => {
  t.equal(decodeWholly('/a/b'), '/a/b')
  t.equal(decodeWholly('%2525252e'), '.')
  t.equal(decodeWholly('%%32%65'), '.', 'digits that were escapes themselves')
  t.equal(decodeWholly('%2'), '%2')
  t.equal(decodeWholly('%25zz'), '%zz')
  t.equal(decodeWholly('caf%25C3%25A9'), 'caf\xc3\xa9')
  t.end()
})

t.test('readUtf8 reads bytes, and gives nothing where overlong UTF-8 comes to light', t => {
  t.equal(readUtf8('/a'), '/a')
  t.equal(readUtf8('caf\xc3\xa9'), 'café')
  t.equal(readUtf8('50\xff'), '50\ufffd', 'a byte that is no UTF-8 by itself')
  for (const bytes of ['\xc0\xaf', '/\xc1\x9c', '\xe0\x80\xaf', '\xf0\x80\x80\xaf']) {
    t.equal(readUtf8(bytes), undefined, bytes)
  }
  t.end()
})
