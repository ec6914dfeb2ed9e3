import t from 'tap'
import type { Exchange, Exchanged } from '../../src/login/exchange.ts'
import { metered } from '../../src/login/metered.ts'
import type { RefreshOutcome } from '../../src/metrics.ts'
import type { Session, Tokens } from '../../src/session/store.ts'

const tokens: Tokens = { accessToken: 'a', claims: {} }
const session = { handle: 'h' } as Session

t.test('what a provider answers passes as it is, counted and timed', async t => {
  const counted: RefreshOutcome[] = []
  const answers: Exchanged[] = [
    { kind: 'tokens', tokens, lifetime: 1 },
    { kind: 'over', reason: 'invalid_grant' },
    { kind: 'foreign', reason: 'another sub', tokens },
    { kind: 'failed', reason: 'no answer', retryAfter: undefined },
  ]
  const given = [...answers]
  const exchange: Exchange = {
    ...{ refreshBefore: 1, timeout: 2 },
    ready: async () => true,
    exchange: async (...asked) => {
      t.strictSame(asked, [session, tokens])
      return given.shift() ?? { kind: 'failed', reason: 'nothing left', retryAfter: undefined }
    },
    revoke: () => undefined,
  }
  const counting = metered(exchange, {
    refreshed: (outcome, took) => {
      t.ok(took >= 0)
      counted.push(outcome)
    },
  })
  for (const answer of answers) t.equal(await counting.exchange(session, tokens), answer)
  t.strictSame(counted, ['renewed', 'over', 'foreign', 'failed'])
  t.match(counting, { refreshBefore: 1, timeout: 2, revoke: exchange.revoke })
})
