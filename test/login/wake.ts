import t from 'tap'
import { createWake } from '../../src/login/wake.ts'

t.test('wakes whoever waits, and remembers a call that came before', async t => {
  let call: () => void = () => t.fail('not subscribed')
  let stopped = false
  const wake = createWake(given => {
    call = given
    return () => {
      stopped = true
    }
  })
  const waiting = wake.wait(60_000)
  call()
  await waiting
  call()
  call()
  await wake.wait(60_000)
  const started = performance.now()
  await wake.wait(20)
  t.ok(performance.now() - started >= 15, 'two calls are one')
  call()
  await wake.wait(60_000)
  wake.stop()
  t.ok(stopped)
})
