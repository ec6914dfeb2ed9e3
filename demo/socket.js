// As much of a WebSocket server (RFC 6455) as the demo's API needs: it sends short texts.
import { createHash } from 'node:crypto'

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Answers the handshake; gives what sends a text of at most 125 bytes. `onClose` is called once. */
export const acceptSocket = (req, socket, onClose) => {
  const key = createHash('sha1').update(`${req.headers['sec-websocket-key']}${guid}`)
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key.digest('base64')}\r\n\r\n`,
  )
  socket.on('error', () => undefined)
  socket.on('close', onClose)
  // Whatever the page sends is ignored; a Close frame (opcode 8) is answered by one.
  socket.on('data', chunk => {
    if ((chunk[0] & 0x0f) === 8) socket.end(Buffer.from([0x88, 0]))
  })
  return text => {
    const payload = Buffer.from(text)
    socket.write(Buffer.concat([Buffer.from([0x81, payload.length]), payload]))
  }
}
