// The API behind every gateway, in a process of its own: `node upstream.js <port>`.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { createToken } from './token.js'

const fill = (size, value) => {
  const empty = JSON.stringify({ ...value, pad: '' }).length
  return Buffer.from(JSON.stringify({ ...value, pad: 'x'.repeat(size - empty) }))
}
const small = fill(1024, { order: 7, state: 'shipped' })
const large = fill(50 * 1024, { orders: [1, 2, 3] })

const json = (res, body) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  res.end(body)
}

const read = (req, done) => {
  const chunks = []
  req.on('data', chunk => chunks.push(chunk))
  req.on('end', () => done(Buffer.concat(chunks)))
}

const routes = {
  'GET /api/1k': (_req, res) => json(res, small),
  'GET /api/50k': (_req, res) => json(res, large),
  'POST /api/sink': (req, res) => {
    let received = 0
    req.on('data', chunk => {
      received += chunk.length
    })
    req.on('end', () => json(res, Buffer.from(JSON.stringify({ received }))))
  },
  // What a gateway let through, so that no row is measured that does not do its work.
  'GET /api/seen': (req, res) => json(res, Buffer.from(JSON.stringify(req.headers))),
  'POST /api/login': (req, res) =>
    read(req, body => {
      const { user } = JSON.parse(body.toString())
      json(res, Buffer.from(JSON.stringify({ access_token: createToken(user), user })))
    }),
  'GET /api/events': (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write('data: open\n\n')
  },
}

const server = createServer({ keepAliveTimeout: 120_000 }, (req, res) => {
  const route = routes[`${req.method} ${req.url}`]
  if (route !== undefined) return route(req, res)
  res.writeHead(404).end()
})

/** A WebSocket that is opened and stays silent: the tunnel is measured, not the frames. */
server.on('upgrade', (req, socket) => {
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  const key = `${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash('sha1').update(key).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
})

process.on('disconnect', () => process.exit())
server.listen(Number(process.argv[2]), '127.0.0.1')
