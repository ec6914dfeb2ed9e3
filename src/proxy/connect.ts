import { isIP, connect as openTcp, type Socket } from 'node:net'
import { createSecureContext, connect as openTls, type SecureContextOptions } from 'node:tls'

export interface ConnectOptions {
  /** Scheme, host and port. */
  readonly origin: string
  /** In place of host and port: where the target listens on this machine. */
  readonly socketPath: string | undefined
  /** Milliseconds until a connection has to be there, encrypted where it is to be. */
  readonly timeout: number
  readonly tls: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>
}

/** What became of a connection: exactly one of the two is called. */
export interface Connecting {
  ready(socket: Socket): void
  failed(error: Error): void
}

/** Milliseconds without a byte after which the system asks whether the other side is still there. */
const probeAfter = 60_000

/**
 * Opens connections to one target. Certificates are verified against its name, and the connections resume each other's
 * TLS sessions. Gives the socket at once, so that it can be destroyed. Errors have the codes of the system or of
 * TLS; `ETIMEDOUT` also where `timeout` is over. Throws for files that are no certificates or keys.
 */
export const createConnect = ({ origin, socketPath, timeout, tls }: ConnectOptions) => {
  const { protocol, hostname, port } = new URL(origin)
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  const name = isIP(host) === 0 ? { servername: host } : {}
  const secureContext = protocol === 'https:' ? createSecureContext(tls) : undefined
  let session: Buffer | undefined

  const open = (): Socket => {
    if (socketPath !== undefined) return openTcp({ path: socketPath })
    if (secureContext === undefined) return openTcp({ host, port: Number(port || 80) })
    const resumed = session === undefined ? {} : { session }
    const place = { host, port: Number(port || 443), ALPNProtocols: ['http/1.1'] }
    const socket = openTls({ ...place, ...name, ...resumed, secureContext })
    return socket.on('session', given => {
      session = given
    })
  }

  return ({ ready, failed }: Connecting): Socket => {
    const socket = open()
    let reason: Error | undefined
    // It stays: an error that nobody hears would end the process.
    socket.on('error', error => {
      reason = error
    })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, probeAfter)
    const late = setTimeout(() => {
      const error = new Error(`no connection within ${timeout} ms`)
      socket.destroy(Object.assign(error, { code: 'ETIMEDOUT' }))
    }, timeout)
    const closed = (): void => {
      clearTimeout(late)
      failed(
        reason ?? Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }),
      )
    }
    socket.once('close', closed)
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      clearTimeout(late)
      socket.off('close', closed)
      ready(socket)
    })
    return socket
  }
}
