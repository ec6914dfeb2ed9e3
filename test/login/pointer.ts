import t from 'tap'
import { resolve } from '../../src/login/pointer.ts'

t.test('finds members and elements, and nothing that JSON did not say', async t => {
  const value = JSON.parse('{"a":[{"b":1}],"":2,"__proto__":3,"n":null}')
  t.equal(resolve(value, []), value)
  t.equal(resolve(value, ['a', '0', 'b']), 1)
  t.equal(resolve(value, ['']), 2)
  t.equal(resolve(value, ['__proto__']), 3)
  t.equal(resolve(value, ['n']), null)
  for (const pointer of [
    ['constructor'],
    ['toString', 'length'],
    ['a', 'length'],
    ['a', '-'],
    ['a', '00'],
    ['a', '1'],
    ['n', 'x'],
    ['', '0'],
  ]) {
    t.equal(resolve(value, pointer), undefined, pointer.join())
  }
  t.equal(resolve('text', ['0']), undefined)
})
