import t from 'tap'
import { visible, visibleJson } from '../../src/cli/visible.ts'

const nasty = 'a\u001b[2J\r\nb\u0007\u009b31m\u202e\u2028\ufeff\u200b\u007f\ud800\u{e0041}\\n"é漢😀'

t.test('no character can move the cursor, ring, hide or turn text around', t => {
  t.equal(
    visible(nasty),
    'a\\u001b[2J\\u000d\\u000ab\\u0007\\u009b31m\\u202e\\u2028\\ufeff\\u200b\\u007f\\ud800\\udb40\\udc41\\\\n"é漢😀',
  )
  for (let code = 0; code < 0xa0; code++) {
    const text = visible(String.fromCharCode(code))
    t.match(text, /^(?:[ -~]|\\u00[0-9a-f]{2}|\\\\)$/, `U+${code.toString(16)}`)
  }
  t.end()
})

t.test('JSON with escapes means the same', t => {
  const text = visibleJson({ [nasty]: [nasty, 1, null] })
  t.notMatch(text, /\p{C}/u)
  t.strictSame(JSON.parse(text), { [nasty]: [nasty, 1, null] })
  t.end()
})
