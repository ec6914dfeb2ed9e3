import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/document.ts'
import { ConfigSchema } from '../../src/config/schema.ts'
import { substitute } from '../../src/config/substitute.ts'

const env = { NAME: 'world', EMPTY: '', YES: 'true', SEVEN: '7', TRICKY: `a: [1]\nb: \${NAME}` }

const run = (source: string, folder = '/') => {
  const document = parseConfig(source)
  const problems = substitute(document, ConfigSchema, { env, folder })
  return { problems, value: document.toJSON() }
}

t.test('the environment and files are put into texts', t => {
  const folder = t.testdir({ secret: 's3cret\n', windows: 's3cret\r\n', lines: 'a\nb\n\n' })
  t.same(run(`a: hello \${NAME}, \${NAME}\nb: ["x\${EMPTY}y"]`), {
    problems: [],
    value: { a: 'hello world, world', b: ['xy'] },
  })
  t.same(
    run(`a: \${file:secret}\nb: \${file:${join(folder, 'secret')}}\nc: \${file:windows}`, folder)
      .value,
    {
      a: 's3cret',
      b: 's3cret',
      c: 's3cret',
    },
  )
  t.same(
    run(`a: \${file:lines}`, folder).value,
    { a: 'a\nb\n' },
    'only the last line break is dropped',
  )
  t.end()
})

t.test('what is put in is neither YAML nor searched again', t => {
  t.same(run(`a: \${TRICKY}`), { problems: [], value: { a: env.TRICKY } })
  t.end()
})

t.test('keys are left alone', t => {
  t.same(run(`"\${NAME}": 1`), { problems: [], value: Object.fromEntries([[`\${NAME}`, 1]]) })
  t.end()
})

t.test('two dollars stand for the characters themselves', t => {
  t.same(run('a: $$' + '{NAME} costs $5 $$' + '{'), {
    problems: [],
    value: { a: `\${NAME} costs $5 \${` },
  })
  t.end()
})

t.test('what cannot be put in is a problem at its place, which quotes nothing that could', t => {
  const folder = t.testdir({ binary: Buffer.from([0xff, 0xfe, 0x00]), dir: {} })
  const cases: Record<string, string> = {
    '${NOBODY}': 'needs the environment variable NOBODY, which is not set',
    '${file:nowhere}': 'needs the file nowhere, but there is no such file',
    '${file:dir}': 'needs the file dir, but it is a folder',
    '${file:binary}': 'needs the file binary, but it is not UTF-8',
  }
  for (const [text, message] of Object.entries(cases))
    t.same(run(`a: ["x ${text}"]`, folder).problems, [{ path: '/a/0', message }], text)
  for (const text of ['{}', '{A-B}', '{env:A}', '{', '{NAME:-x}', '{ NAME }'])
    t.match(
      run(`a: "x $${text}"`).problems,
      [{ path: '/a', message: /neither \$\{NAME\} nor/ }],
      text,
    )
  t.end()
})

t.test('a whole text may stand for a number or a boolean, where the schema wants one', t => {
  const { value } = run(
    [
      `session: { maxPerUser: "\${SEVEN}", recordClient: "\${YES}", cookie: { name: "\${SEVEN}" } }`,
      `routes: [{ slide: "\${NAME}", pages: " \${YES}" }]`,
    ].join('\n'),
  )
  t.same(value, {
    session: { maxPerUser: 7, recordClient: true, cookie: { name: '7' } },
    routes: [{ slide: 'world', pages: ' true' }],
  })
  t.end()
})
