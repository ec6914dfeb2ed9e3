import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { flushAfterTurn } from '../../src/proxy/turn.ts'

t.test('what is held back leaves in its order, once the turn is over', async t => {
  const flushed: string[] = []
  const late = { flush: () => flushed.push('late') }
  flushAfterTurn({ flush: () => flushed.push('one') })
  flushAfterTurn({
    flush: () => {
      flushed.push('two')
      flushAfterTurn(late)
    },
  })
  await Promise.resolve()
  await new Promise(process.nextTick)
  t.same(flushed, [])
  await nextTurn()
  t.same(flushed, ['one', 'two'])
  await nextTurn()
  t.same(flushed, ['one', 'two', 'late'], 'what comes meanwhile belongs to the next turn')
})
