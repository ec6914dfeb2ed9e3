import t from 'tap'
import { readArguments } from '../../src/cli/arguments.ts'
import { readOrder } from '../../src/cli/sessions-arguments.ts'

const handle = 'a'.repeat(64)

t.test('orders are read', t => {
  t.same(readOrder(['list'], {}), { kind: 'list' })
  t.same(readOrder(['list'], { provider: 'oidc', sub: '*' }), {
    ...{ kind: 'list-user', provider: 'oidc', sub: '*' },
  })
  t.same(readOrder(['show', handle], {}), { kind: 'show', handle })
  t.same(readOrder(['end', handle], {}), { kind: 'end', handle })
  const many = (selection: object) => ({ kind: 'end-many', selection })
  t.same(
    readOrder(['end'], { provider: 'oidc', sub: 'a' }),
    many({ kind: 'user', provider: 'oidc', sub: 'a' }),
  )
  t.same(
    readOrder(['end'], { provider: 'oidc', sid: 's' }),
    many({ kind: 'sid', provider: 'oidc', sid: 's' }),
  )
  t.same(readOrder(['end'], { all: true }), many({ kind: 'all' }))
  t.end()
})

t.test('AD-04: an order that is empty, contradictory or misspelt is not carried out', t => {
  const misuses: [string[], object, RegExp][] = [
    [[], {}, /^sessions needs list, show or end$/],
    [['delete'], {}, /^there is no sessions delete$/],
    [['end'], {}, /^sessions end needs a handle, /],
    [['end'], { provider: 'oidc' }, /^sessions end needs/],
    [['end'], { sub: 'alice' }, /^sessions end needs/],
    [['end'], { provider: 'oidc', sub: '' }, /^sessions end needs/],
    [['end'], { provider: 'oidc', sub: 'a', sid: 's' }, /^sessions end needs/],
    [['end'], { provider: 'oidc', sub: 'a', all: true }, /^sessions end needs/],
    [['end', 'abc'], {}, /^a handle is 64/],
    [['end', handle.toUpperCase()], {}, /^a handle is 64/],
    [['end', handle], { all: true }, /^--all does not go with a handle$/],
    [['end', handle], { provider: 'oidc', sub: 'a' }, /^--provider does not go/],
    [['end', handle, handle], {}, /^sessions end takes no aaa/],
    [['show'], {}, /^sessions show needs a handle$/],
    [['show'], { provider: 'oidc', sub: 'a' }, /^sessions show needs/],
    [['list', handle], {}, /^sessions list takes no aaa/],
    [['list'], { provider: 'oidc' }, /^sessions list needs --provider and --sub/],
    [['list'], { provider: 'oidc', sid: 's' }, /^sessions list needs/],
    [['list'], { all: true }, /^sessions list needs/],
  ]
  for (const [words, options, reason] of misuses) {
    const order = readOrder(words, options)
    t.match(order, { kind: 'misused', reason }, `${words} ${JSON.stringify(options)}`)
  }
  t.end()
})

t.test('the command line knows which options are for sessions', t => {
  t.same(readArguments(['sessions', 'list', '--json', '--redis', 'redis://r', '--config', 'c']), {
    ...{ command: 'sessions', configFile: 'c', order: { kind: 'list' } },
    ...{ redisUrl: 'redis://r', json: true },
  })
  t.match(readArguments(['sessions', 'end']), { command: 'misused' })
  for (const option of ['--json', '--all', '--redis=x', '--provider=x', '--sub=x', '--sid=x']) {
    const [name] = option.split('=')
    const reason = `serve takes no ${name}`
    t.same(readArguments(['serve', option]), { command: 'misused', reason })
  }
  t.same(readArguments(['sessions', 'end', '--sub', 'a', '--sub=', '--provider', 'p']), {
    ...{ command: 'misused' },
    reason: 'sessions end needs a handle, --provider with --sub or --sid, or --all alone',
  })
  t.end()
})
