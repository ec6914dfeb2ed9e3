import t from 'tap'
import { createMarks } from '../../src/session/marks.ts'

t.test('all marks of a key are doomed and given, those of others are not', async t => {
  const marks = createMarks()
  const [one, two, other] = [marks.begin('k', 'a'), marks.begin('k', 'b'), marks.begin('l', 'c')]
  t.same(Array.from(marks.doom('k')), [one, two])
  t.same([one.doomed, two.doomed, other.doomed], [true, true, false])
  t.same(Array.from(marks.doom('nobody')), [])
  t.notOk(marks.begin('k', 'd').doomed, 'who asks after the change is not')
})

t.test('all marks are doomed', async t => {
  const marks = createMarks()
  const all = [marks.begin('k', 'a'), marks.begin('l', 'b')]
  marks.doomAll()
  t.ok(all.every(mark => mark.doomed))
})

t.test('ended marks are neither given nor remembered', async t => {
  const marks = createMarks()
  const [one, two] = [marks.begin('k', 'a'), marks.begin('k', 'b')]
  marks.end(one)
  t.same(Array.from(marks.doom('k')), [two])
  marks.end(two)
  marks.end(two)
  t.equal(marks.size(), 0)
})
