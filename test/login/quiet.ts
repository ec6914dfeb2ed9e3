import t from 'tap'
import { createQuiet } from '../../src/login/quiet.ts'

t.test('keeps a handle quiet for a second at most', async t => {
  const quiet = createQuiet()
  t.notOk(quiet.is('a', 0))
  quiet.keep('a', 0, 300)
  quiet.keep('b', 0, 60_000)
  t.ok(quiet.is('a', 299))
  t.notOk(quiet.is('a', 300))
  t.notOk(quiet.is('a', 299), 'it is forgotten')
  t.ok(quiet.is('b', 999))
  t.notOk(quiet.is('b', 1_000))
})

t.test('does not grow without end', async t => {
  const quiet = createQuiet()
  for (let n = 0; n < 10_000; n++) quiet.keep(`${n}`, 0, 1_000)
  t.ok(quiet.is('0', 1))
  quiet.keep('one more', 0, 1_000)
  t.notOk(quiet.is('0', 1))
  t.ok(quiet.is('one more', 1))
})
