import t from 'tap'
import { parseConfig } from '../../src/config/document.ts'

/** The problems of a text, those that only show while it is read included. */
const problemsOf = (source: string) => {
  const document = parseConfig(source)
  document.toJSON()
  return document.problems.map(
    ({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`,
  )
}

t.test('reads YAML 1.2, of which JSON is a part', t => {
  const read = (source: string) => parseConfig(source).toJSON()
  t.same(read('a: 1\nb: [x, "2", no, off, 0o17, ~]'), {
    a: 1,
    b: ['x', '2', 'no', 'off', 15, null],
  })
  t.same(read('{"a": {"b": [true, "\\u00e9"]}}'), { a: { b: [true, 'é'] } })
  t.same(read(''), {}, 'an empty file is an empty config')
  t.same(read('# nothing yet\n'), {})
  t.same(read('%YAML 1.1\n---\na: yes\n<<: { b: 1 }\n'), { a: 'yes', '<<': { b: 1 } })
  t.end()
})

t.test('nothing that an alias repeats is shared', t => {
  const value = parseConfig('a: &x { b: 1 }\nc: *x').toJSON()
  t.same(value, { a: { b: 1 }, c: { b: 1 } })
  if (typeof value !== 'object' || value === null || !('a' in value) || !('c' in value)) throw value
  t.not(value.a, value.c)
  t.end()
})

t.test('a key that is there twice is named with its path, wherever it is', t => {
  t.same(problemsOf('a: 1\nb:\n  c: 1\n  c: 2\na: 3\n'), [
    '5:1 /a: is there twice',
    '4:3 /b/c: is there twice',
  ])
  t.end()
})

t.test('what is not YAML is reported once, where it begins', t => {
  const cases: Record<string, RegExp> = {
    'a: 1\n b: 2\n': /^1:4 : is not YAML from here on: check the indentation/,
    'a: [1\nb: 2\n': /^2:1 : is not YAML from here on/,
    '- a\nb: s3cret\n': /^2:1 : is not YAML from here on: check brackets/,
    '\ta: 1\n': /^1:1 : is not YAML from here on: Tabs/,
    'a: 1\n---\nb: 2\n': /^2:1 : a second document begins here/,
    'a: !!binary x\nb: !env X\n': /^1:4 : tags/,
    '? [a]\n: 1\n': /^1:3 : a key must be a text/,
    'a: "\n': /^\d:\d : is not YAML/,
  }
  for (const [source, expected] of Object.entries(cases)) {
    const problems = problemsOf(source)
    t.equal(problems.length, 1, JSON.stringify(source))
    t.match(problems[0], expected)
    t.notMatch(problems[0], 's3cret', 'no value of the file is quoted')
    t.equal(parseConfig(source).toJSON(), undefined, 'and nothing is made of it')
  }
  t.end()
})

t.test('a placeholder that flow style takes apart is explained', t => {
  t.match(problemsOf(`admin: { token: \${TOKEN} }\n`), [
    /^1:18 : a \$\{…\} between \{ \} or \[ \] needs quotes/,
  ])
  t.match(problemsOf(`a: [x, \${X}]\n`), [/needs quotes/])
  t.same(problemsOf(`a: { b: "\${X}" }\nc: \${X}\n`), [])
  t.end()
})

t.test('aliases cannot blow up, go in a circle or lead nowhere', t => {
  const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 12; i++)
    bomb.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  t.match(problemsOf(bomb.join('\n')), [/aliases \(\*\) that expand to too much/])
  t.match(problemsOf('a: &x\n  b: *x\n'), [/expand to too much, or to themselves/])
  t.same(problemsOf('a:\n  b: *nowhere\n'), ['2:3 /a/b: is an alias (*) without an anchor (&)'])
  t.end()
})

t.test('the texts that are values can be replaced, keys and other scalars stay', t => {
  const document = parseConfig('a: x\nx: [1, "y", true]\n')
  const seen: string[] = []
  document.mapTexts((text, path) => {
    seen.push(`${path} ${text}`)
    return `${text}!`
  })
  t.same(seen, ['/a x', '/x/1 y'])
  t.same(document.toJSON(), { a: 'x!', x: [1, 'y!', true] })
  t.end()
})

t.test('a path leads to its key, or to the nearest thing above it', t => {
  const { locate } = parseConfig('# c\na:\n  - b: 1\n    c/d:\n      e: 2\n')
  t.same(locate('/a'), { line: 2, column: 1 })
  t.same(locate('/a/0'), { line: 3, column: 5 })
  t.same(locate('/a/0/c~1d/e'), { line: 5, column: 7 })
  t.same(
    locate('/a/0/c~1d/x/y'),
    { line: 4, column: 5 },
    'what is missing belongs to what is there',
  )
  t.same(locate('/z'), { line: 2, column: 1 })
  t.equal(parseConfig('').locate('/a'), undefined, 'of nothing there is no place')
  t.end()
})
