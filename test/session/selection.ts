import t from 'tap'
import { auditOfSelection, endSelected, readSelection } from '../../src/session/selection.ts'

const read = (query: string) => readSelection(new URLSearchParams(query))

t.test('a person, a session at the provider, or everybody', t => {
  const user = { kind: 'user', provider: 'oidc', sub: '*' } as const
  t.same(read('provider=oidc&sub=*'), user)
  t.same(auditOfSelection(user), { provider: 'oidc', sub: '*' })
  t.same(read('sid=a%0Ab&provider=oidc'), { kind: 'sid', provider: 'oidc', sid: 'a\nb' })
  t.same(read('all=true'), { kind: 'all' })
  t.same(auditOfSelection({ kind: 'all' }), { all: true })
  t.end()
})

t.test('AD-04: what is empty, unknown, doubled or contradictory selects nothing', t => {
  const none = 'provider and sub, provider and sid, or all are needed'
  const cases: Record<string, string> = {
    '': none,
    'provider=oidc': none,
    'sub=alice': none,
    'sid=1': none,
    'sub=alice&sid=1': none,
    'provider=oidc&sub=alice&sid=1': none,
    'provider=oidc&sub=': 'sub is empty',
    'provider=&sub=alice': 'provider is empty',
    'provider=oidc&sub=alice&sub=bob': 'sub is there twice',
    'provider=oidc&Sub=alice': 'Sub is not known',
    'provider=oidc&sub=alice&dry=1': 'dry is not known',
    'all=false': 'all can only be true',
    'all=': 'all is empty',
    'all=true&provider=oidc': 'all goes with nothing else',
    'all=true&provider=oidc&sub=alice': 'all goes with nothing else',
  }
  for (const [query, reason] of Object.entries(cases)) {
    t.same(read(query), { kind: 'refused', reason }, query)
  }
  t.end()
})

t.test('each selection is ended by its own step', async t => {
  const asked: unknown[] = []
  const answer =
    (name: string) =>
    async (...values: unknown[]) => {
      asked.push([name, ...values])
      return { ended: 0, replicated: undefined }
    }
  const store = { endUser: answer('user'), endSid: answer('sid'), endAll: answer('all') }
  await endSelected(store, { kind: 'user', provider: 'oidc', sub: 'alice' })
  await endSelected(store, { kind: 'sid', provider: 'oidc', sid: '1' })
  await endSelected(store, { kind: 'all' })
  t.same(asked, [['user', 'oidc', 'alice'], ['sid', 'oidc', '1'], ['all']])
})
