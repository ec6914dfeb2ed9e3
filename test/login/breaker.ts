import t from 'tap'
import { createBreaker } from '../../src/login/breaker.ts'

t.test('lets some failures in a row pass, then one caller at a time', async t => {
  const breaker = createBreaker({ failures: 3, first: 1_000, longest: 4_000 })
  breaker.failed(0)
  breaker.failed(0)
  t.equal(breaker.wait(0), 0)
  t.equal(breaker.wait(0), 0)
  breaker.failed(0)
  t.equal(breaker.wait(400), 600)
  t.equal(breaker.wait(1_000), 0, 'one asks again')
  t.equal(breaker.wait(1_000), 1_000, 'for all')
  breaker.failed(1_100)
  t.equal(breaker.wait(1_100), 2_000, 'the pause grows')
  for (let now = 2_000; now < 2_010; now++) breaker.failed(now)
  t.equal(breaker.wait(2_009), 4_000, 'up to a limit')
})

t.test('forgets all with an answer', async t => {
  const breaker = createBreaker({ failures: 2, first: 1_000 })
  breaker.failed(0)
  breaker.failed(0)
  t.equal(breaker.wait(0), 1_000)
  breaker.answered()
  t.equal(breaker.wait(0), 0)
  breaker.failed(0)
  t.equal(breaker.wait(0), 0, 'counting begins anew')
})

t.test('does at once what the provider asks for', async t => {
  const breaker = createBreaker()
  breaker.failed(0, 5_000)
  t.equal(breaker.wait(1), 4_999)
  t.equal(breaker.wait(5_000), 0)
})
