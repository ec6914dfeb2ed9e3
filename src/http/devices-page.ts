import type { Listed } from '../session/store.ts'
import { deviceName } from './device-name.ts'
import { createPage, escapeHtml } from './pages.ts'

const page = createPage(`
main { --line: light-dark(#d5d5d5, #4a4a4a) }
ul { list-style: none; margin: 1.5rem 0; padding: 0 }
li { align-items: center; border: 1px solid var(--line); border-radius: .5rem; display: flex; gap: .5rem 1rem; flex-wrap: wrap; margin: .75rem 0; padding: .9rem 1.1rem }
li div { flex: 1 1 18rem; min-width: 0 }
h2 { font-size: 1rem; font-weight: 600; margin: 0; overflow-wrap: anywhere }
p { margin: .2rem 0 }
li p { font-size: .9rem; overflow-wrap: anywhere }
.agent { opacity: .7 }
mark { background: light-dark(#d9f0de, #1d4429); border-radius: .3rem; color: inherit; font-size: .8rem; font-weight: 400; margin-left: .4rem; padding: .1rem .45rem; white-space: nowrap }
button { background: transparent; border: 1px solid currentColor; border-radius: .4rem; color: inherit; cursor: pointer; font: inherit; margin: 0 .4rem .4rem 0; padding: .35rem .9rem }
button:hover { background: light-dark(#eee, #333) }
li button { margin: 0 }
:focus-visible { outline: 3px solid; outline-offset: 2px }
`)

/** Of our own making only: `2026-11-21 22:09 UTC`. */
const moment = (milliseconds: number): string => {
  const iso = new Date(milliseconds).toISOString()
  return `<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`
}

// In <bdi>: what a browser calls itself may hold marks that turn the text around it.
const device = ({ handle, agent, ip, created, lastSeen }: Listed, own: boolean, id: string) => {
  const claim = `<bdi>${escapeHtml(agent ?? 'Unknown browser')}</bdi>`
  const name = agent === undefined ? undefined : deviceName(agent)
  return `<li>
<div>
<h2 id="${id}">${name ?? claim}${own ? ' <mark>This device</mark>' : ''}</h2>
<p>Last seen ${moment(lastSeen)}</p>
<p>Logged in ${moment(created)}${ip === undefined ? '' : ` from ${escapeHtml(ip)}`}</p>
${name === undefined ? '' : `<p class="agent">${claim}</p>\n`}</div>
<button name="end" value="${escapeHtml(handle)}" aria-describedby="${id}">Log out</button>
</li>`
}

/** A person's sessions, each with a button that ends it. `action` is where the form is posted to. */
export const devicesPage = (sessions: readonly Listed[], current: string, action: string) =>
  page(
    'Your devices',
    `<main>
<h1>Your devices</h1>
<p>The browsers that you are logged in with.</p>
<form method="post" action="${escapeHtml(action)}">
<ul>
${sessions.map((session, at) => device(session, session.handle === current, `d${at}`)).join('\n')}
</ul>
<button name="end" value="others">Log out all others</button>
<button name="end" value="all">Log out everywhere</button>
</form>
</main>`,
  )
