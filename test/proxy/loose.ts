import t from 'tap'
import { looseForm } from '../../src/proxy/loose.ts'

t.test('case, parameters, empty segments and what Windows drops do not count', t => {
  t.equal(looseForm('/API/x;y=1/z'), '/api/x/z')
  t.equal(looseForm('//a///b//'), '/a/b/')
  t.equal(looseForm('/a. ./b /c'), '/a/b/c')
  t.equal(looseForm('/'), '/')
  t.equal(looseForm('/;x'), '/')
  t.end()
})

t.test('of a segment, what follows an encoded question or number sign does not count', t => {
  t.equal(looseForm('/a?b/c/'), '/a/c/')
  t.equal(looseForm('/a#'), '/a')
  t.equal(looseForm('/a;b?c/d'), '/a/d')
  t.equal(looseForm('/?/a'), '/a')
  t.end()
})

t.test('width, accents and invisible characters do not count', t => {
  t.equal(looseForm('/\uff41dmin'), '/admin')
  t.equal(looseForm('/caf\u00e9'), '/cafe')
  t.equal(looseForm('/a\u200bb'), '/ab')
  t.equal(looseForm('/\u017fe\u0131'), '/sei')
  t.equal(looseForm('/a\uff0fb\uff3cc'), '/a/b/c')
  t.end()
})

t.test('a dot segment in any of these forms gives nothing', t => {
  for (const path of [
    '/.',
    '/a/..',
    '/../a',
    '/..;x',
    '/.. ',
    '/..?x',
    '/a?/..',
    '/\u2025/',
    '/.\u0301',
    '/a\\..\\',
  ]) {
    t.equal(looseForm(path), undefined, path)
  }
  for (const path of ['/...', '/..a', '/a..', '/. .']) t.type(looseForm(path), 'string', path)
  t.end()
})
