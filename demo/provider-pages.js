// What the demo's OpenID provider shows: a login and a question.
import { escapeHtml } from './words.js'

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; accent-color: #b4530a }
body { max-width: 22rem; margin: 12vh auto; padding: 0 1.5rem }
h1 { font-size: 1.4rem; margin: 0 }
p { margin: .3rem 0 1.2rem }
label { display: block; margin-bottom: .9rem }
input { box-sizing: border-box; display: block; font: inherit; margin-top: .2rem; padding: .45rem .6rem; width: 100% }
button { background: transparent; border: 1px solid #b4530a; border-radius: .4rem; color: inherit; font: inherit; margin-right: .5rem; padding: .45rem 1rem }
button[value=yes] { background: #b4530a; color: #fff }
[role=alert] { color: light-dark(#a40e26, #ff8f9a) }
`

const page = (title, content) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${style}</style>
<h1>${title}</h1>
${content}
</html>
`

/** Asks for name and password; `wrong` says that the last ones were. */
export const loginPage = (uid, wrong) =>
  page(
    'Demo provider',
    `<p>Another site, another login: claimcheck never sees this password.</p>
${wrong ? '<p role="alert">Wrong name or password.</p>\n' : ''}<form method="post" action="/interaction/${escapeHtml(uid)}">
<label>Name <input name="user" value="alice" autocomplete="username" required></label>
<label>Password <input name="password" type="password" value="wonderland" autocomplete="current-password" required></label>
<button value="yes">Log in</button>
</form>`,
  )

/** Asks whether to log out here too; `form` is oidc-provider's own, with its secret in it. */
export const logoutPage = form =>
  page(
    'Demo provider',
    `<p>Log out of the provider too?</p>
${form}
<button form="op.logoutForm" name="logout" value="yes">Yes, log out</button>
<button form="op.logoutForm">No, stay logged in</button>`,
  )

export const loggedOutPage = () => page('Demo provider', '<p>You are logged out.</p>')

export const errorPage = ({ error, error_description: why = '' }) =>
  page('Demo provider', `<p role="alert">${escapeHtml(error)}: ${escapeHtml(why)}</p>`)
