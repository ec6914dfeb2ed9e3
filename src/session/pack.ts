import type { Keys } from './keys.ts'
import {
  encodeLine,
  encodeRecord,
  encodeTokens,
  type Meta,
  parseRecord,
  parseTokens,
  type Tokens,
} from './record.ts'
import type { Sealer } from './seal.ts'
import { handleOf } from './ticket.ts'

interface Packing {
  readonly keys: Keys
  readonly sealer: Sealer
}

/** The bytes that Redis keeps for a ticket: what is known in clear, and the tokens sealed to it, to the ticket and to the key's name. */
export const pack = (
  { keys, sealer }: Packing,
  ticket: string,
  meta: Meta,
  tokens: Tokens,
): Buffer => {
  const clearLine = encodeLine(meta)
  const key = keys.session(handleOf(ticket))
  return encodeRecord(clearLine, sealer.seal(ticket, key, clearLine, encodeTokens(tokens)))
}

/** The inverse of `pack`; undefined for any bytes that it did not make for this ticket. */
export const unpack = (
  { keys, sealer }: Packing,
  ticket: string,
  value: Buffer,
): { meta: Meta; tokens: Tokens } | undefined => {
  const record = parseRecord(value)
  if (record === undefined) return undefined
  const { meta, clearLine, sealed } = record
  const plain = sealer.open(ticket, keys.session(handleOf(ticket)), clearLine, sealed)
  const tokens = plain && parseTokens(plain)
  return tokens && { meta, tokens }
}
