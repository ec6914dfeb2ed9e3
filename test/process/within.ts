import t from 'tap'
import { within } from '../../src/process/within.ts'

t.test('gives what the work gives, or says that it was too late', async t => {
  t.equal(await within(10_000, Promise.resolve(7)), 7)
  await t.rejects(within(10_000, Promise.reject(new Error('failed'))), /failed/)
  let finish = (): void => undefined
  const work = new Promise<void>((_, reject) => {
    finish = () => reject(new Error('later'))
  })
  await t.rejects(within(1, work), /no answer within 1 ms/)
  finish()
})
