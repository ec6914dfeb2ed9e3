import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { writeJsonSchema } from '../../src/config/json-schema.ts'
import { writeReference } from '../../src/config/reference.ts'
import { ConfigSchema } from '../../src/config/schema.ts'
import { fieldsOf } from '../../src/config/walk.ts'
import { writeDocs } from '../../src/config/write-docs.ts'

const docs = join(import.meta.dirname, '../../docs')

t.test('the committed pages are what npm run docs writes', t => {
  const folder = t.testdir()
  writeDocs(folder)
  for (const name of ['config.md', 'claimcheck.schema.json']) {
    const read = (where: string) => readFileSync(join(where, name), 'utf8')
    t.equal(read(docs), read(folder), `${name} is up to date`)
  }
  t.end()
})

t.test('the reference has a row for each key', t => {
  const page = writeReference(ConfigSchema)
  const rows = page.split('\n').filter(line => line.startsWith('| `'))
  const fields = [...fieldsOf(ConfigSchema)]
  t.equal(rows.length, fields.length)
  for (const { key } of fields)
    t.ok(
      rows.some(row => row.startsWith(`| \`${key}\` |`)),
      key,
    )
  t.match(page, '| `publicUrl` | text | **required** |')
  t.match(page, '| `idleTimeout` | duration | `30m` |')
  t.match(page, '| `maxBody` | size | `0` |')
  t.match(page, '| `workers` | `auto` or a whole number | `1` |')
  t.match(page, '| `auth` | `session`, `optional` or `none` | `session` |')
  t.match(page, '| `verify` | map | **required** | [below](#routescaptureverify) |')
  t.match(page, '\n#### `routes[].capture.verify`\n')
  t.end()
})

t.test('a map without keys or without words has a place all the same', t => {
  t.match(writeReference({ properties: { a: { properties: {} } } }), '\n## `a`\n\n| key |')
  t.match(writeReference({}), '| --- | --- | --- | --- |\n')
  t.end()
})

t.test('what would end a cell is escaped', t => {
  const page = writeReference({ properties: { a: { type: 'string', description: 'x | y' } } })
  t.match(page, '| `a` | text |  | x \\| y |')
  t.end()
})

t.test('the published schema takes what the gateway takes, placeholders included', t => {
  const accepts = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(writeJsonSchema(ConfigSchema)),
  )
  const config = {
    publicUrl: 'https://app.example.com',
    workers: 'auto',
    log: { level: `\${LEVEL}` },
    session: { idleTimeout: '15m', maxPerUser: `\${MAX}`, recordClient: false },
    routes: [
      { path: '/', upstream: 'orders', maxBody: 0, pages: `\${PAGES}` },
      { path: '/a', upstream: 'orders', maxBody: '64kb', require: { claims: { role: ['a'] } } },
    ],
    upstreams: { orders: { targets: ['http://a'], connectTimeout: `\${TIMEOUT}` } },
  }
  t.ok(accepts(config), JSON.stringify(accepts.errors))
  for (const wrong of [
    { sesion: {} },
    { workers: 0 },
    { workers: 'all' },
    { session: { idleTimeout: '15' } },
    { session: { recordClient: 'yes' } },
    { log: { level: 'loud' } },
    { routes: [{ path: '/' }] },
    { routes: [{ path: '/', upstream: 'a', maxBody: 10 }] },
    { upstreams: { 'a.b': { targets: ['http://a'] } } },
  ])
    t.notOk(accepts({ ...config, ...wrong }), JSON.stringify(wrong))
  t.end()
})
