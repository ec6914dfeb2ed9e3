import { createHash } from 'node:crypto'
import t from 'tap'
import { problemOf } from '../../src/errors.ts'
import { createPage, escapeHtml, problemPage } from '../../src/http/pages.ts'

t.test('a page may show its own style and post to the gateway, and nothing else (HD-07)', t => {
  for (const page of [createPage(), createPage('p { color: red }')]) {
    const { headers, body } = page('A "title" <b>', '<p>content</p>')
    const style = /<style>([\s\S]*)<\/style>/.exec(body)?.[1] ?? ''
    const digest = createHash('sha256').update(style).digest('base64')
    t.equal(
      headers[headers.indexOf('content-security-policy') + 1],
      `default-src 'none'; style-src 'sha256-${digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    )
    t.match(body, '<title>A &quot;title&quot; &lt;b&gt;</title>')
    t.match(body, '\n<p>content</p>\n</html>')
    t.match(style, 'color-scheme: light dark')
  }
  t.end()
})

t.test('a refusal is a short page, with a link to the login where that helps', t => {
  const problem = problemOf('no_session')
  const { body } = problemPage(problem, 'r"1', '/login?return_to=%2F"><script>')
  t.match(body, '<title>401 There is no live session</title>')
  t.match(body, '<a href="/login?return_to=%2F&quot;&gt;&lt;script&gt;">Log in</a>')
  t.match(body, '<small>401 · no_session · request r&quot;1</small>')
  t.notMatch(problemPage(problem, 'r-1', undefined).body, '<a ')
  t.equal(escapeHtml(`&<>"'`), '&amp;&lt;&gt;&quot;&#39;')
  t.end()
})
