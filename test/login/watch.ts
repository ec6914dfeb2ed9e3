import t from 'tap'
import { createWatch } from '../../src/login/watch.ts'

t.test('measures how long one holder has been seen', async t => {
  const watch = createWatch(500)
  t.equal(watch.of(), undefined)
  t.equal(watch.lasted(), 0)
  for (const [now, lasted] of [
    [1_000, 0],
    [1_250, 250],
    [1_600, 600],
  ] as const) {
    watch.saw('a', now)
    t.equal(watch.lasted(), lasted)
  }
  watch.saw('b', 1_700)
  t.equal(watch.lasted(), 0, 'another begins anew')
  t.equal(watch.of(), 'b')
  watch.saw('a', 1_800)
  t.equal(watch.lasted(), 0, 'and so does the first when it is back')
})

t.test('does not count a time in which nobody looked', async t => {
  const watch = createWatch(500)
  watch.saw('a', 0)
  watch.saw('a', 60_000)
  t.equal(watch.lasted(), 500)
})
