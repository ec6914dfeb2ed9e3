/** What line 1 of a record says in clear. Times are integer milliseconds of Redis' own clock. */
export interface Meta {
  readonly v: 1
  readonly provider: string
  readonly iss: string
  readonly sub: string
  /** The provider's own name of its session. */
  readonly sid?: string
  readonly created: number
  /** The absolute end, whatever the activity. */
  readonly expires: number
  /** When the access token runs out; absent where the provider did not say. */
  readonly tokenExpires?: number
  readonly ip?: string
  readonly agent?: string
}

/** What a record keeps sealed. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken?: string
  readonly idToken?: string
  /** The token response's `scope`. */
  readonly scope?: string
  /** Of the verified ID token, or of the verified JWT of a capture. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The longest clear line that is written or read, in bytes. */
export const lineLimit = 16_384
const agentLimit = 256
const newline = 0x0a

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isTime = (value: unknown): value is number => Number.isSafeInteger(value)
const isOptionalString = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string'

const parseObject = (bytes: Uint8Array): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A `User-Agent` of at most 256 bytes of UTF-8, cut between characters. */
export const cutAgent = (agent: string): string =>
  agent.slice(0, new TextEncoder().encodeInto(agent, new Uint8Array(agentLimit)).read)

/** Absolute Redis milliseconds: an integer, however strange the provider's number is. */
export const moment = (now: number, fromNow: number): number =>
  Math.min(Math.trunc(now + fromNow), Number.MAX_SAFE_INTEGER)

/** Line 1 without its newline: JSON in a fixed order of members. */
export const encodeLine = (meta: Meta): Buffer => {
  const { v, provider, iss, sub, sid, created, expires, tokenExpires, ip, agent } = meta
  return Buffer.from(
    JSON.stringify({ v, provider, iss, sub, sid, created, expires, tokenExpires, ip, agent }),
  )
}

/** Undefined for whatever is not a clear line of this version: corrupt, foreign, or from the future. */
export const parseLine = (line: Uint8Array): Meta | undefined => {
  const value = parseObject(line)
  if (value === undefined) return undefined
  const { v, provider, iss, sub, sid, created, expires, tokenExpires, ip, agent } = value
  if (v !== 1) return undefined
  if (typeof provider !== 'string' || typeof iss !== 'string' || typeof sub !== 'string') {
    return undefined
  }
  if (!isTime(created) || !isTime(expires)) return undefined
  if (tokenExpires !== undefined && !isTime(tokenExpires)) return undefined
  if (!isOptionalString(sid) || !isOptionalString(ip) || !isOptionalString(agent)) return undefined
  return {
    ...{ v, provider, iss, sub, created, expires },
    ...(sid !== undefined && { sid }),
    ...(tokenExpires !== undefined && { tokenExpires }),
    ...(ip !== undefined && { ip }),
    ...(agent !== undefined && { agent }),
  }
}

/** A record's bytes: the clear line, a newline, the sealed tokens. */
export const encodeRecord = (clearLine: Buffer, sealed: Buffer): Buffer =>
  Buffer.concat([clearLine, Buffer.of(newline), sealed])

/** A record's parts, the line exactly as it is stored because the seal is bound to it; undefined as for `parseLine`. */
export const parseRecord = (value: Buffer) => {
  const end = value.subarray(0, lineLimit + 1).indexOf(newline)
  if (end < 0) return undefined
  const clearLine = value.subarray(0, end)
  const meta = parseLine(clearLine)
  return meta === undefined ? undefined : { meta, clearLine, sealed: value.subarray(end + 1) }
}

/** The plain text of the sealed part: JSON. */
export const encodeTokens = (tokens: Tokens): Buffer => {
  const { accessToken, refreshToken, idToken, scope, claims } = tokens
  return Buffer.from(JSON.stringify({ accessToken, refreshToken, idToken, scope, claims }))
}

/** Undefined where the opened bytes are not what this version seals. */
export const parseTokens = (plain: Buffer): Tokens | undefined => {
  const value = parseObject(plain)
  if (value === undefined) return undefined
  const { accessToken, refreshToken, idToken, scope, claims } = value
  if (typeof accessToken !== 'string' || !isObject(claims)) return undefined
  if (!isOptionalString(refreshToken) || !isOptionalString(idToken) || !isOptionalString(scope)) {
    return undefined
  }
  return {
    ...{ accessToken, claims },
    ...(refreshToken !== undefined && { refreshToken }),
    ...(idToken !== undefined && { idToken }),
    ...(scope !== undefined && { scope }),
  }
}

/** The scopes that were granted: the token response's, else those of the claims (`scope`, or `scp` as text or list). */
export const scopesOf = ({ scope, claims }: Tokens): ReadonlySet<string> => {
  const { scope: claimed, scp } = claims
  const granted = scope ?? claimed ?? scp
  const list = typeof granted === 'string' ? granted.split(' ') : granted
  if (!Array.isArray(list)) return new Set()
  return new Set(list.filter(entry => typeof entry === 'string' && entry !== ''))
}
