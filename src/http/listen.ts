import { once } from 'node:events'
import type { Server } from 'node:net'
import { readAddress } from '../config/addresses.ts'
import { SetupError } from '../errors.ts'

/** Opens a listener at `host:port`; gives its URL with the port that was really taken. Throws `SetupError`. */
export const listen = async (server: Server, wanted: string): Promise<string> => {
  const place = readAddress(wanted)
  if (place === undefined) throw new SetupError(`cannot listen on ${wanted}`)
  try {
    server.listen(place)
    await once(server, 'listening')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause
    throw new SetupError(`cannot listen on ${wanted}: ${reason}`, { cause })
  }
  const taken = server.address()
  if (taken === null || typeof taken === 'string')
    throw new SetupError(`cannot listen on ${wanted}`)
  const host = taken.family === 'IPv6' ? `[${taken.address}]` : taken.address
  return `http://${host}:${taken.port}`
}
