import type { Log } from '../log.ts'

export type UnknownForwarder = ReturnType<typeof createUnknownForwarder>

/**
 * Remembers the first peer that sent `Forwarded` or `X-Forwarded-*` without being one of
 * `trustedProxies`, and warns of it once: a proxy that was forgotten in the config, or a client that
 * tries. Its word is not taken either way.
 */
export const createUnknownForwarder = (log: Log) => {
  let first: string | undefined
  return {
    heard: (peer: string): void => {
      if (first !== undefined) return
      first = peer
      log.warn({ peer }, 'forwarding headers from a peer that is not in trustedProxies')
    },
    /** For people; empty where there was none. */
    notes: (): string[] =>
      first === undefined
        ? []
        : [
            `${first} sends Forwarded or X-Forwarded-* and is not in trustedProxies: its own address counts as the client's`,
          ],
  }
}
