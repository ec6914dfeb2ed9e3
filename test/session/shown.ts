import t from 'tap'
import { shownToAdmin, shownToPerson } from '../../src/session/shown.ts'

const listed = {
  ...{ handle: 'a'.repeat(64), provider: 'oidc', iss: 'https://login.test', sub: 'alice' },
  ...{ sid: '1', created: 1_700_000_000_999, lastSeen: 1_700_000_001_000 },
  ...{ expires: 1_700_000_002_500, idleExpires: 1_700_000_001_500, ip: undefined, agent: 'x' },
}

t.test('a person sees these members, in seconds, and no others', t => {
  t.strictSame(JSON.parse(JSON.stringify(shownToPerson({ ...listed, ip: '::1' }, true))), {
    ...{ handle: listed.handle, current: true, created: 1_700_000_000, last_seen: 1_700_000_001 },
    ...{ expires_at: 1_700_000_002, ip: '::1', agent: 'x', provider: 'oidc' },
  })
  t.end()
})

t.test('an administrator also sees whose it is; what is not recorded is left out', t => {
  t.strictSame(JSON.parse(JSON.stringify(shownToAdmin(listed))), {
    ...{ handle: listed.handle, provider: 'oidc', iss: 'https://login.test', sub: 'alice' },
    ...{ sid: '1', created: 1_700_000_000, last_seen: 1_700_000_001 },
    ...{ expires_at: 1_700_000_002, idle_expires_at: 1_700_000_001, agent: 'x' },
  })
  t.end()
})
