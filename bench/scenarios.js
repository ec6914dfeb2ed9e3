import { browserHeaders } from './http.js'

const upload = 'x'.repeat(16 * 1024)

export const scenarios = [
  { id: '1k', title: '1 KB of JSON', method: 'GET', path: '/api/1k' },
  { id: '50k', title: '50 KB answers', method: 'GET', path: '/api/50k' },
  { id: '16k', title: '16 KB uploads', method: 'POST', path: '/api/sink', body: upload },
]

/** The whole request as it goes onto the wire, as a page of `http://localhost:<port>` sends it. */
export const requestOf = ({ method, path, body }, port, cookie) => {
  const headers = { ...browserHeaders(port), Connection: 'keep-alive' }
  if (cookie !== undefined) headers.Cookie = cookie
  if (body !== undefined) {
    headers.Origin = `http://localhost:${port}`
    headers['Content-Type'] = 'text/plain'
    headers['Content-Length'] = body.length
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`
}
