import { request } from 'node:http'

/** One small exchange with a server on the loopback: `{ status, headers, body }`. */
export const exchange = (port, { method = 'GET', path = '/', headers = {}, body = '' }) =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, agent: false }
    const lengths = body === '' ? {} : { 'content-length': Buffer.byteLength(body) }
    const req = request({ ...options, headers: { ...headers, ...lengths } }, async res => {
      const chunks = []
      for await (const chunk of res) chunks.push(chunk)
      resolve({
        status: res.statusCode,
        headers: res.headers,
        body: Buffer.concat(chunks).toString(),
      })
    })
    req.on('error', reject)
    req.end(body)
  })

/** The `name=value` pairs that an answer sets. */
export const cookiesOf = ({ headers }) =>
  (headers['set-cookie'] ?? []).map(line => line.slice(0, line.indexOf(';')))

/** What a page's own `fetch` sends to `http://localhost:<port>`. */
export const browserHeaders = port => ({
  Host: `localhost:${port}`,
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  Accept: 'application/json',
  'Accept-Language': 'en-US,en;q=0.5',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  Referer: `http://localhost:${port}/orders`,
  'Sec-Fetch-Dest': 'empty',
  'Sec-Fetch-Mode': 'cors',
  'Sec-Fetch-Site': 'same-origin',
})
