import t from 'tap'
import { createDeadlines } from '../../src/proxy/deadlines.ts'

t.test('what has passed its deadline is told, what was moved on or removed is not', async t => {
  const deadlines = createDeadlines(5)
  t.teardown(deadlines.close)
  const told: string[] = []
  const entry = (name: string, deadline: number, then = () => {}) => ({
    deadline,
    slot: -1,
    expire: () => {
      told.push(name)
      then()
    },
  })
  const removed = entry('removed', 0)
  const moved = entry('moved', 0)
  deadlines.add(removed)
  deadlines.add(moved)
  deadlines.add(entry('never', Number.POSITIVE_INFINITY))
  deadlines.remove(removed)
  moved.deadline = Number.POSITIVE_INFINITY
  // The timer itself keeps no process alive.
  const alive = setInterval(() => undefined, 1000)
  t.teardown(() => clearInterval(alive))
  await new Promise<void>(resolve => {
    const due = entry('due', performance.now(), () => {
      deadlines.remove(due)
      resolve()
    })
    deadlines.add(due)
  })
  t.strictSame(told, ['due'])
  t.equal(deadlines.size(), 2)
})
