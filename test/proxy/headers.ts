import t from 'tap'
import { foldName, isSpoofable, nominated, rememberName } from '../../src/proxy/headers.ts'

t.test('names that an upstream may take for one another are one (CVE-2025-64484)', async t => {
  t.equal(foldName('X_Forwarded-FOR'), 'x-forwarded-for')
  for (const name of [
    'x-forwarded-user',
    'x-real-ip',
    'x-auth-request-email',
    'forwarded',
    'x-original-url',
  ]) {
    t.ok(isSpoofable(name), name)
  }
  t.notOk(isSpoofable('x-requested-with'))
})

t.test('Connection nominates what it lists, but for close and keep-alive alone', async t => {
  t.equal(nominated(undefined), undefined)
  t.equal(nominated('close'), undefined)
  t.equal(nominated('keep-alive'), undefined)
  t.strictSame(nominated('close, X-Secret ,foo'), new Set(['close', 'x-secret', 'foo']))
})

t.test('a name is classified once, and invented names do not fill the memory', async t => {
  let asked = 0
  const actionOf = rememberName(name => {
    asked++
    return name.length
  })
  t.equal(actionOf('Accept'), 6)
  t.equal(actionOf('Accept'), 6)
  t.equal(asked, 1)
  for (let i = 0; i < 3000; i++) actionOf(`x-${i}`)
  const before = asked
  actionOf('x-2999')
  t.equal(asked, before + 1, 'the last one was not kept')
})
