import t from 'tap'
import { formatProblem, isWithin, keysOf, place, pointer } from '../../src/config/problem.ts'

t.test('a path is a JSON Pointer (RFC 6901)', t => {
  t.equal(pointer(), '')
  t.equal(pointer('routes', 0, 'path'), '/routes/0/path')
  t.equal(pointer('a/b', 'm~n', ''), '/a~1b/m~0n/')
  t.same(keysOf('/a~1b/m~0n/'), ['a/b', 'm~n', ''])
  t.same(keysOf('/~01'), ['~1'], 'unescaped in the right order')
  t.same(keysOf(''), [])
  t.end()
})

t.test('below is below, by whole keys', t => {
  t.ok(isWithin('/routes/1', '/routes/1'))
  t.ok(isWithin('/routes/1/path', '/routes/1'))
  t.notOk(isWithin('/routes/10', '/routes/1'))
  t.notOk(isWithin('/routes', '/routes/1'))
  t.end()
})

t.test('problems are sorted by their place, and those without one come first', t => {
  const places = new Map([
    ['/a', { line: 9, column: 1 }],
    ['/b', { line: 2, column: 7 }],
    ['/c', { line: 2, column: 3 }],
  ])
  const placed = place(
    [
      { path: '/a', message: 'x' },
      { path: '/b', message: 'x' },
      { path: '/c', message: 'x' },
      { path: '', message: 'syntax', line: 4, column: 1 },
      { path: '/d', message: 'x' },
    ],
    path => places.get(path),
  )
  t.same(
    placed.map(({ path, line }) => [path, line]),
    [
      ['/d', undefined],
      ['/c', 2],
      ['/b', 2],
      ['', 4],
      ['/a', 9],
    ],
  )
  t.end()
})

t.test('a problem is one line', t => {
  const problem = { path: '/routes/0/auth', message: 'must be session, optional or none' }
  t.equal(
    formatProblem('claimcheck.yaml', { ...problem, line: 12, column: 5 }),
    'claimcheck.yaml:12:5 /routes/0/auth: must be session, optional or none',
  )
  t.equal(
    formatProblem('c.yaml', problem),
    'c.yaml /routes/0/auth: must be session, optional or none',
  )
  t.equal(
    formatProblem('c.yaml', { path: '', message: 'no', line: 1, column: 2 }),
    'c.yaml:1:2: no',
  )
  t.end()
})
