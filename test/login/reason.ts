import t from 'tap'
import { reasonOf } from '../../src/login/reason.ts'

t.test('gives the messages of an error and of its causes', async t => {
  const refused = Object.assign(new Error(''), { code: 'ECONNREFUSED' })
  const error = new Error('first', { cause: new Error('second', { cause: refused }) })
  t.equal(reasonOf(error), 'first: second: ECONNREFUSED')
  t.equal(
    reasonOf(Object.assign(new Error('answered'), { error: 'invalid_client' })),
    'answered: invalid_client',
  )
  t.equal(reasonOf(new TypeError('')), 'TypeError')
  t.equal(reasonOf('not an error'), '')
  t.equal(reasonOf(new Error('x', { cause: 'not an error' })), 'x')
})

t.test('never gives a token, never without end', async t => {
  const jwt = `eyJhbGciOiJub25lIn0.${Buffer.from('{"sub":"alice"}').toString('base64url')}.`
  t.equal(reasonOf(new Error(`unexpected ${jwt}`)), 'unexpected [token]')
  t.equal(reasonOf(new Error('x'.repeat(10_000))).length, 300)
  const circle = new Error('round')
  circle.cause = circle
  t.equal(reasonOf(circle), 'round: round: round: round: round')
})
