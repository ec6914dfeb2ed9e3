import t from 'tap'
import { readTokenAnswer } from '../../src/login/token-answer.ts'

const answer = { access_token: 'a', token_type: 'bearer' } as const
const read = (changes: object, elapsed = 0) => readTokenAnswer({ ...answer, ...changes }, elapsed)

t.test('reads what an answer holds', async t => {
  const all = { refresh_token: 'r', id_token: 'i', scope: 's', expires_in: 300 }
  t.same(read(all, 200), {
    ...{ kind: 'read', accessToken: 'a', refreshToken: 'r', idToken: 'i', scope: 's' },
    lifetime: 299_800,
  })
  t.match(read({}), { lifetime: undefined, refreshToken: undefined })
  t.match(read({ access_token: 'not.a-jwt~/+=' }), { kind: 'read' }, 'it is opaque (TK-04)')
})

t.test('counts a lifetime from when the question was sent, within a year', async t => {
  t.match(read({ expires_in: 0 }), { lifetime: 0 })
  t.match(read({ expires_in: 1 }, 1_500), { lifetime: 0 })
  t.match(read({ expires_in: 1e300 }), { lifetime: 365 * 24 * 60 * 60_000 })
})

t.test('refuses what cannot be sent as a bearer token', async t => {
  t.match(read({ token_type: 'dpop' }), { kind: 'refused' })
  for (const token of ['a b', 'a\r\nX: y', 'ä', '\u0000', '']) {
    t.match(read({ access_token: token }), { kind: 'refused' }, JSON.stringify(token))
  }
})
