import type { Session } from './session.ts'

/**
 * `fresh` may be served. `suspect`: the user key changed, so ask whether the session is still listed.
 * `stale`: the record changed.
 */
export type Trust = 'fresh' | 'suspect' | 'stale'

export interface Entry {
  readonly session: Session
  readonly userKey: string
  trust: Trust
  /** From here on the session is over, unless Redis says otherwise. `performance.now()` milliseconds. */
  readonly deadline: number
  readonly bytes: number
  older: Entry | undefined
  newer: Entry | undefined
}

export interface Bounds {
  readonly maxEntries: number
  readonly maxBytes: number
}

export type Entries = ReturnType<typeof createEntries>

/** What an entry holds besides its texts, measured with the maps and both keys. */
const overhead = 1_500

/** Near enough for a bound: the bearers are one byte a character, claims grow when parsed. */
const sizeOf = ({ bearers, claims }: Session): number =>
  overhead +
  (bearers.access_token?.length ?? 0) +
  (bearers.id_token?.length ?? 0) +
  4 * JSON.stringify(claims).length

/** Decrypted sessions by handle and by user key; whoever was used longest ago leaves when a bound is passed. */
export const createEntries = ({ maxEntries, maxBytes }: Bounds) => {
  const byHandle = new Map<string, Entry>()
  const byUser = new Map<string, Set<Entry>>()
  let bytes = 0
  let newest: Entry | undefined
  let oldest: Entry | undefined

  const unlink = (entry: Entry) => {
    if (entry.newer === undefined) newest = entry.older
    else entry.newer.older = entry.older
    if (entry.older === undefined) oldest = entry.newer
    else entry.older.newer = entry.newer
  }
  const link = (entry: Entry) => {
    entry.older = newest
    entry.newer = undefined
    if (newest === undefined) oldest = entry
    else newest.newer = entry
    newest = entry
  }
  const remove = (handle: string): void => {
    const entry = byHandle.get(handle)
    if (entry === undefined) return
    byHandle.delete(handle)
    bytes -= entry.bytes
    unlink(entry)
    const siblings = byUser.get(entry.userKey)
    siblings?.delete(entry)
    if (siblings?.size === 0) byUser.delete(entry.userKey)
  }

  return {
    get: (handle: string): Entry | undefined => byHandle.get(handle),
    /** Without an allocation: this is the hot path. */
    use: (entry: Entry): void => {
      if (entry === newest) return
      unlink(entry)
      link(entry)
    },
    set: (session: Session, userKey: string): void => {
      remove(session.handle)
      const deadline = Math.min(session.idleDeadline, session.absoluteDeadline)
      const entry: Entry = {
        session,
        userKey,
        trust: 'fresh',
        deadline,
        bytes: sizeOf(session),
        older: undefined,
        newer: undefined,
      }
      byHandle.set(session.handle, entry)
      const siblings = byUser.get(userKey)
      if (siblings === undefined) byUser.set(userKey, new Set([entry]))
      else siblings.add(entry)
      bytes += entry.bytes
      link(entry)
      while (oldest !== undefined && (byHandle.size > maxEntries || bytes > maxBytes)) {
        remove(oldest.session.handle)
      }
    },
    remove,
    /** The user key changed: each of the person's sessions has to be asked for again. */
    suspect: (userKey: string): void => {
      for (const entry of byUser.get(userKey) ?? []) {
        if (entry.trust === 'fresh') entry.trust = 'suspect'
      }
    },
    clear: (): void => {
      byHandle.clear()
      byUser.clear()
      bytes = 0
      newest = undefined
      oldest = undefined
    },
    size: () => byHandle.size,
    bytes: () => bytes,
  }
}
