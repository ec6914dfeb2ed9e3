export type Keys = ReturnType<typeof createKeys>

const byte = (value: number) => `%${value.toString(16).toUpperCase().padStart(2, '0')}`

/** Percent-encodes the bytes outside `[A-Za-z0-9._@|+-]`, so that no id can hold a colon, a glob or a line break. */
const encode = (id: string) =>
  id.replace(/[^A-Za-z0-9._@|+-]/gu, character => Array.from(Buffer.from(character), byte).join(''))

const literal = (text: string) => text.replace(/[\\*?[\]^-]/g, '\\$&')

/** The name of every key in Redis, under one prefix. Nothing else in the gateway spells a key. */
export const createKeys = (prefix: string) => {
  const sessions = `${prefix}session:`
  const pair = (kind: string, provider: string, id: string) =>
    `${prefix}${kind}:${encode(provider)}:${encode(id)}`

  return {
    /** The record of a session. */
    session: (handle: string) => sessions + handle,
    /** The allow list of one person's sessions. */
    user: (provider: string, sub: string) => pair('user', provider, sub),
    /** The handles of one session at the provider. */
    sid: (provider: string, sid: string) => pair('sid', provider, sid),
    /** A started login, by the hash of its state. */
    login: (hash: string) => `${prefix}login:${hash}`,
    /** When a person (sub) or a session at the provider (sid) was logged out. */
    ended: (provider: string, id: string) => pair('ended', provider, id),
    /** When everybody was logged out: no provider's name, because it lacks the second colon. */
    endedAll: () => `${prefix}ended:all`,
    /** Who is refreshing a session's tokens now. */
    lease: (handle: string) => `${prefix}lease:${handle}`,
    /** A logout token that was seen. */
    jti: (provider: string, jti: string) => pair('jti', provider, jti),
    /** A rate limit's counter. */
    limit: (scope: string, hash: string) => `${prefix}limit:${scope}:${hash}`,
    /** One gateway's proof that writes and their announcements work. */
    canary: (instance: string) => `${prefix}canary:${instance}`,

    /** The handle in the key of a record; undefined for any other key. */
    handleOfKey: (key: string): string | undefined =>
      key.startsWith(sessions) ? key.slice(sessions.length) : undefined,
    /** How the names of keys begin whose changes every gateway has to hear of. */
    announced: [sessions, `${prefix}user:`] as const,
    /** Glob patterns for SCAN, in which the prefix stands for itself. */
    everySession: `${literal(sessions)}*`,
    everyUser: `${literal(prefix)}user:*`,
  }
}
