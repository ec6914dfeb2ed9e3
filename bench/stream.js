import { connect } from 'node:net'
import { browserHeaders } from './http.js'

const key = 'dGhlIHNhbXBsZSBub25jZQ=='

const upgrade = port => ({
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': key,
  Origin: `http://localhost:${port}`,
  'Sec-Fetch-Mode': 'websocket',
})

/**
 * Opens an event stream or a WebSocket through the gateway: resolves when it is open, with `ended`, a
 * promise of the moment at which it was cut (performance.now()), and `close`.
 */
export const openStream = ({ port, publicPort }, cookie, kind) =>
  new Promise((resolve, reject) => {
    const headers = {
      ...browserHeaders(publicPort),
      ...(kind === 'websocket' ? upgrade(publicPort) : { Accept: 'text/event-stream' }),
      Cookie: cookie,
    }
    const expected = kind === 'websocket' ? 'HTTP/1.1 101' : 'HTTP/1.1 200'
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /api/events HTTP/1.1\r\n${lines.join('')}\r\n`)
    let cut
    const ended = new Promise(done => {
      cut = () => done(performance.now())
    })
    let text = ''
    const opening = chunk => {
      text += chunk.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      socket.off('data', opening)
      if (!text.startsWith(expected)) {
        socket.destroy()
        reject(new Error(`the ${kind} was answered ${text.slice(0, 200)}`))
        return
      }
      // The upstream's WebSocket is silent, so the first byte is the gateway's close frame.
      if (kind === 'websocket') socket.once('data', cut)
      else socket.resume()
      resolve({ ended, close: () => socket.destroy() })
    }
    socket.on('data', opening)
    socket.on('error', error => {
      cut()
      reject(error)
    })
    socket.on('end', cut)
    socket.on('close', () => {
      cut()
      reject(new Error(`the ${kind} was closed before it was open`))
    })
  })
