import t from 'tap'
import { createEntries } from '../../src/session/entries.ts'
import { createKeys } from '../../src/session/keys.ts'
import { createMarks } from '../../src/session/marks.ts'
import { createReread } from '../../src/session/reread.ts'
import type { Session } from '../../src/session/session.ts'
import type { Life } from '../../src/session/vitals.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

const session: Session = {
  ...{ handle: 'a', version: '1', claims: {}, scopes: new Set(), hasRefreshToken: false },
  meta: { v: 1, provider: 'oidc', iss: 'i', sub: 'alice', created: 0, expires: 1 },
  bearers: { access_token: 'Bearer x', id_token: undefined },
  ...{ idleDeadline: 10, absoluteDeadline: 100, tokenDeadline: 30 },
}

const ask = async (answer: () => Promise<Life>) => {
  const { log, lines } = recordLog()
  const buried: string[] = []
  const parts = {
    keys: createKeys(''),
    entries: createEntries({ maxEntries: 10, maxBytes: 1e6 }),
    marks: createMarks(),
    vitals: { ask: answer, busy: () => false },
    tombstones: {
      bury: (handle: string) => void buried.push(handle),
      has: () => false,
      size: () => 0,
      remove: async () => undefined,
      removeRecent: async () => undefined,
    },
    log,
  }
  parts.entries.set(session, 'user:oidc:alice')
  const entry = parts.entries.get('a')
  if (entry === undefined) throw new Error('not kept')
  entry.trust = 'stale'
  const outcome = await createReread(parts)(entry)
  t.equal(parts.marks.size(), 0, 'nothing is left on its way')
  return { outcome, buried, lines, kept: parts.entries.get('a') }
}

t.test('an unchanged session is fresh again, with its new deadline', async t => {
  const answer = async () => ({ kind: 'live', version: '1', idleDeadline: 50 }) as const
  const { outcome, kept, buried } = await ask(answer)
  t.same(outcome, { ...session, idleDeadline: 50 })
  t.match(kept, { trust: 'fresh', deadline: 50, session: outcome })
  t.same(buried, [])
})

t.test('another version is for whoever has the ticket to read', async t => {
  const answer = async () => ({ kind: 'live', version: '2', idleDeadline: 50 }) as const
  const { outcome, kept, buried } = await ask(answer)
  t.same([outcome, kept, buried], ['unknown', undefined, []])
})

t.test('a session that is gone is buried', async t => {
  const { outcome, kept, buried } = await ask(async () => ({ kind: 'gone' }))
  t.same([outcome, kept, buried], [undefined, undefined, ['a']])
})

t.test('without an answer it stays doubtful', async t => {
  const { outcome, kept, buried, lines } = await ask(() => Promise.reject(new Error('no')))
  t.same([outcome, kept?.trust, buried], ['unknown', 'stale', []])
  t.match(lines, [{ level: 'debug', err: { message: 'no' } }])
})
