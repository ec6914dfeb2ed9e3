import t from 'tap'
import type { Meta } from '../../src/session/record.ts'
import { createSession } from '../../src/session/session.ts'

const meta: Meta = {
  ...{ v: 1, provider: 'oidc', iss: 'i', sub: 'alice' },
  ...{ created: 1000, expires: 61_000, tokenExpires: 5000 },
}
const loaded = {
  ...{ handle: 'h', meta, version: 'v', sent: 100, life: 30_000, now: 2000 },
  tokens: {
    ...{ accessToken: 'access', refreshToken: 'refresh', idToken: 'id', scope: 'a b' },
    claims: { sub: 'alice' },
  },
}

t.test('a session has its bearers and claims at hand, and no refresh token', async t => {
  const session = createSession(loaded)
  t.strictSame(session, {
    ...{ handle: 'h', meta, version: 'v', claims: { sub: 'alice' }, hasRefreshToken: true },
    bearers: { access_token: 'Bearer access', id_token: 'Bearer id' },
    scopes: new Set(['a', 'b']),
    ...{ idleDeadline: 30_100, absoluteDeadline: 59_100, tokenDeadline: 3100 },
  })
})

t.test('what the provider did not give is not there', async t => {
  const { tokenExpires: _, ...timeless } = meta
  const tokens = { accessToken: 'access', claims: {} }
  const session = createSession({ ...loaded, meta: timeless, tokens })
  t.match(session, { bearers: { id_token: undefined }, hasRefreshToken: false })
  t.equal(session.tokenDeadline, Infinity)
})

t.test('the idle deadline is never later than the absolute one', async t => {
  t.equal(createSession({ ...loaded, life: 90_000 }).idleDeadline, 59_100)
})

t.test(
  'a token that would not stay one header field is no bearer, whoever stored it (HD-04)',
  async t => {
    for (const odd of ['a\r\n\r\nGET / HTTP/1.1', 'a\nb', 'a b', 'a\0', 'gr\u00fcn', '']) {
      const tokens = { accessToken: odd, idToken: odd, claims: {} }
      const { bearers } = createSession({ ...loaded, tokens })
      t.strictSame(bearers, { access_token: undefined, id_token: undefined })
    }
  },
)
