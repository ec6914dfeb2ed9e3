import t from 'tap'
import { createUnderWay } from '../../src/gateway/under-way.ts'

t.test('idle resolves once as much has ended as began', async t => {
  const underWay = createUnderWay()
  await underWay.idle()
  underWay.begin()
  underWay.begin()
  let idle = 0
  const both = [underWay.idle(), underWay.idle()].map(async promise => {
    await promise
    idle++
  })
  underWay.end()
  await new Promise(setImmediate)
  t.equal(idle, 0)
  underWay.end()
  await Promise.all(both)
  t.equal(idle, 2)
})
