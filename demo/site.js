// Serves the demo's pages. `/app` is for people who are logged in: it says who they are by a header that
// the gateway sets, and it gets no token.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { escapeHtml } from './words.js'

const files = {
  '/': ['index.html', 'text/html'],
  '/app': ['app.html', 'text/html'],
  '/page.css': ['page.css', 'text/css'],
  '/page.js': ['page.js', 'text/javascript'],
  '/app.js': ['app.js', 'text/javascript'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
}

/** Listens on a free port of the loopback; answers the server. */
export const startSite = async () => {
  const server = createServer(async (req, res) => {
    const path = new URL(req.url, 'http://site').pathname
    const page = path.startsWith('/app/') ? '/app' : path
    if (!Object.hasOwn(files, page)) return res.writeHead(404).end('not found\n')
    const [file, type] = files[page]
    const text = await readFile(new URL(`./page/${file}`, import.meta.url), 'utf8')
    res.writeHead(200, {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      // A page with somebody's name in it does not outlive the session in a browser's cache.
      'cache-control': page === '/app' ? 'no-store' : 'no-cache',
    })
    const name = escapeHtml(String(req.headers['x-name'] ?? ''))
    res.end(text.replaceAll('{{name}}', name).replaceAll('{{path}}', escapeHtml(path)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
