import t from 'tap'
import { suggest } from '../../src/config/suggest.ts'
import { anyOf } from '../../src/config/words.ts'

const words = ['publicUrl', 'listen', 'admin', 'redis', 'routes', 'log', 'authPath']

t.test('finds the word that was meant', t => {
  t.equal(suggest('publicurl', words), 'publicUrl', 'another case')
  t.equal(suggest('public_url', words), 'publicUrl', 'another style')
  t.equal(suggest('route', words), 'routes', 'one letter less')
  t.equal(suggest('lisften', words), 'listen', 'one more')
  t.equal(suggest('lisfen', words), 'listen', 'another')
  t.equal(suggest('lisetn', words), 'listen', 'two swapped')
  t.equal(suggest('publcUlr', words), 'publicUrl', 'two mistakes in a long word')
  t.end()
})

t.test('and none where nothing is near', t => {
  t.equal(suggest('workers', words), undefined)
  t.equal(suggest('dog', ['log', 'cat']), 'log')
  t.equal(suggest('dig', ['log']), undefined, 'two mistakes in a short word')
  t.equal(suggest('', words), undefined)
  t.equal(suggest('listen', []), undefined)
  t.end()
})

t.test('lists words as people do', t => {
  t.equal(anyOf(['a']), 'a')
  t.equal(anyOf(['a', 'b']), 'a or b')
  t.equal(anyOf(['a', 'b', 'c']), 'a, b or c')
  t.end()
})
