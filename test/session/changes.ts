import t from 'tap'
import type { TrackingListener } from '../../src/redis/tracking.ts'
import { createChanges } from '../../src/session/changes.ts'
import { createKeys } from '../../src/session/keys.ts'

const keys = createKeys('claimcheck:')

const start = () => {
  const listeners: TrackingListener[] = []
  const changes = createChanges({ listen: listener => void listeners.push(listener) }, keys)
  const [listener] = listeners
  if (listener === undefined) throw new Error('nobody listens')
  return { ...changes, listener }
}

t.test(
  'who waits for a session is woken by each write to its record, and by nothing else',
  async t => {
    const { onChange, listener, size } = start()
    const woken: string[] = []
    const stopA = onChange('a', () => void woken.push('a'))
    const stopAgain = onChange('a', () => void woken.push('a again'))
    const stopB = onChange('b', () => void woken.push('b'))
    listener.invalidated([keys.session('a'), keys.session('c'), keys.user('api', 'b')])
    t.strictSame(woken.splice(0), ['a', 'a again'])
    stopA()
    listener.invalidated([keys.session('a')])
    t.strictSame(woken.splice(0), ['a again'])
    stopAgain()
    stopB()
    t.equal(size(), 0)
    listener.invalidated([keys.session('a')])
    t.strictSame(woken, [])
  },
)

t.test('everybody looks again when anything may have changed', async t => {
  const { onChange, listener } = start()
  let woken = 0
  onChange('a', () => void woken++)
  listener.flushed()
  listener.up()
  listener.down()
  t.equal(woken, 2)
})
