import { connect } from 'node:net'

const headEnd = Buffer.from('\r\n\r\n')
const lastChunk = Buffer.from('0\r\n\r\n')
const nothing = Buffer.alloc(0)
const chunked = Number.POSITIVE_INFINITY

/**
 * One keep-alive connection that has one request under way at a time. `onDone(status, head)` is called
 * for each answer once it has been read to its end; status 0 stands for a connection that failed.
 * Reads into one buffer of its own, so that the generator costs little beside what it measures.
 */
export const openConnection = (port, onDone) => {
  const buffer = Buffer.allocUnsafe(64 * 1024)
  let socket
  let split = nothing // a head that came in pieces
  let head = ''
  let rest = -1 // bytes of the body still to come; -1: the head is not complete
  let status = 0
  let busy = false
  let closed = false

  const finish = () => {
    rest = -1
    busy = false
    onDone(status, head)
  }
  const readBody = chunk => {
    if (rest !== chunked) {
      rest -= chunk.length
      if (rest <= 0) finish()
    } else if (chunk.subarray(-lastChunk.length).equals(lastChunk)) finish()
  }
  const readHead = chunk => {
    const all = split.length === 0 ? chunk : Buffer.concat([split, chunk])
    const end = all.indexOf(headEnd)
    if (end < 0) {
      split = Buffer.from(all)
      return
    }
    split = nothing
    head = all.latin1Slice(0, end)
    status = Number(head.slice(9, 12))
    const length = /content-length: *(\d+)/i.exec(head)?.[1]
    rest = length === undefined ? chunked : Number(length)
    readBody(all.subarray(end + headEnd.length))
  }
  const onread = {
    buffer,
    callback: length => {
      const chunk = buffer.subarray(0, length)
      if (rest === -1) readHead(chunk)
      else readBody(chunk)
    },
  }
  const open = () => {
    socket = connect({ port, host: '127.0.0.1', onread, noDelay: true })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (closed) return
      split = nothing
      status = 0
      open()
      if (busy) finish()
    })
  }
  open()
  return {
    send: request => {
      busy = true
      socket.write(request)
    },
    close: () => {
      closed = true
      socket.destroy()
    },
  }
}
