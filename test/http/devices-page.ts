import t from 'tap'
import { devicesPage } from '../../src/http/devices-page.ts'

const session = {
  ...{ handle: 'a'.repeat(64), provider: 'oidc', iss: 'https://login.test', sub: 'alice' },
  ...{ sid: undefined, created: 1_700_000_000_000, lastSeen: 1_700_000_060_000 },
  ...{ expires: 1_700_000_900_000, idleExpires: 1_700_000_900_000, ip: undefined },
}

t.test('what a browser calls itself is text and nothing else', t => {
  const agent = '</bdi><script>alert(1)</script>"\u202e\'&'
  const { body } = devicesPage([{ ...session, agent }], session.handle, '/auth/devices')
  t.match(
    body,
    '<bdi>&lt;/bdi&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;\u202e&#39;&amp;</bdi>',
  )
  t.notMatch(body, '<script')
  t.match(body, '<time datetime="2023-11-14T22:13:20.000Z">2023-11-14 22:13 UTC</time></p>')
  t.match(body, 'This device')
  t.end()
})

t.test('each button is told apart by what it is described by', t => {
  const sessions = ['a', 'b'].map(name => ({
    ...{ ...session, handle: name.repeat(64), agent: undefined, ip: '::1' },
  }))
  const { body } = devicesPage(sessions, 'c'.repeat(64), '/sign/devices')
  t.match(body, '<form method="post" action="/sign/devices">')
  for (const [at, { handle }] of sessions.entries()) {
    t.match(body, `<h2 id="d${at}"><bdi>Unknown browser</bdi></h2>`)
    t.match(body, `<button name="end" value="${handle}" aria-describedby="d${at}">Log out</button>`)
  }
  t.match(body, ' from ::1</p>')
  t.notMatch(body, 'This device')
  t.end()
})

t.test('a known browser is called by its name, and what it said is below', t => {
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'
  const { body } = devicesPage([{ ...session, agent }], session.handle, '/auth/devices')
  t.match(body, '<h2 id="d0">Firefox on Linux <mark>This device</mark></h2>')
  t.match(body, `<p class="agent"><bdi>${agent}</bdi></p>`)
  t.end()
})
