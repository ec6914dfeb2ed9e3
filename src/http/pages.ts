import { createHash } from 'node:crypto'
import type { ErrorCode, Problem } from '../errors.ts'

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for HTML content and quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, character => escapes[character] ?? '')

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 38rem; margin: 12vh auto; padding: 0 1.5rem }
h1 { font-size: 1.4rem }
small { opacity: .7 }
`.trim()
/** What every page of ours may do: nothing but show its own style and post to the gateway (HD-07). */
const pageHeaders = (css: string): string[] => [
  ...['content-type', 'text/html; charset=utf-8'],
  'content-security-policy',
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(css).digest('base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  ...['cross-origin-opener-policy', 'same-origin'],
  ...['cross-origin-resource-policy', 'same-origin'],
  ...['permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'],
]

/** A kind of page: `more` is added to the common style. `title` is a text, `content` HTML. */
export const createPage = (more = '') => {
  const css = style + more
  const headers = pageHeaders(css)
  return (title: string, content: string) => ({
    headers,
    body: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${css}</style>
${content}
</html>
`,
  })
}

const page = createPage()

/** What a person can do about it, where the title does not say. */
const advice: Partial<Record<ErrorCode, string>> = {
  login_expired:
    'It took longer than ten minutes, was finished before, or began in another browser. If this happens every time, this browser does not keep cookies for this site.',
  session_not_kept:
    'You have just logged in, but this browser did not keep the cookie. Allow cookies for this site; Safari keeps none from a plain http address.',
  login_failed:
    'The answer of the login provider could not be trusted. Try again; if it stays so, tell the people who run this site.',
  login_refused: 'The login provider did not let you in.',
  provider_unavailable: 'Nobody was logged out. Try again in a moment.',
  redis_unavailable: 'Nobody was logged out. Try again in a moment.',
}

/** A short page for a person whose navigation was refused. */
export const problemPage = (problem: Problem, requestId: string, login: string | undefined) => {
  const hint = advice[problem.code]
  const lines = [
    `<h1>${escapeHtml(problem.title)}</h1>`,
    ...(hint === undefined ? [] : [`<p>${escapeHtml(hint)}</p>`]),
    ...(login === undefined ? [] : [`<p><a href="${escapeHtml(login)}">Log in</a></p>`]),
    `<p><small>${problem.status} · ${escapeHtml(problem.code)} · request ${escapeHtml(requestId)}</small></p>`,
  ]
  return page(`${problem.status} ${problem.title}`, lines.join('\n'))
}
