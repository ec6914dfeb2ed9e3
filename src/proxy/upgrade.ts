import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { hasBody } from './request-body.ts'

/** Asks for a WebSocket and nothing else. Other upgrades (h2c) may be ignored (RFC 9110 section 7.8). */
export const asksForWebSocket = (req: IncomingMessage): boolean =>
  req.headers.upgrade?.toLowerCase() === 'websocket'

/** 16 bytes in base64. A header sent twice arrives joined with a comma, so it does not fit. */
const key = /^[+/0-9A-Za-z]{22}==$/
/** More would let a client take `Origin` out of what the upstream sees (RFC 9110 section 7.6.1, CVE-2026-133111). */
const harmless = new Set(['upgrade', 'keep-alive'])

/** What is wrong with the opening handshake of a client (RFC 6455 section 4.2.1), or undefined. */
export const wrongWithHandshake = (req: IncomingMessage): string | undefined => {
  const { headers } = req
  if (req.method !== 'GET') return `method ${req.method}`
  if (req.httpVersion !== '1.1') return `HTTP/${req.httpVersion}`
  if (hasBody(req)) return 'a body'
  const nominated = (headers.connection ?? '').toLowerCase().split(',')
  if (!nominated.every(token => harmless.has(token.trim()))) return 'further nominated headers'
  if (headers['sec-websocket-version'] !== '13') return 'a version other than 13'
  if (!key.test(headers['sec-websocket-key'] ?? '')) return 'no valid key'
  return undefined
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/**
 * What is wrong with an upstream's 101 (section 4.1), or undefined. `received` is its header block, flat.
 * Without this, anything that answers 101 would get a tunnel to it.
 */
export const wrongWithSwitch = (
  received: readonly string[],
  req: IncomingMessage,
): string | undefined => {
  const value = (wanted: string): string =>
    received.filter((_, i) => i % 2 === 1 && received[i - 1]?.toLowerCase() === wanted).join(',')
  if (value('upgrade').toLowerCase() !== 'websocket') return 'it switched to something else'
  const expected = createHash('sha1')
    .update(req.headers['sec-websocket-key'] + guid)
    .digest('base64')
  return value('sec-websocket-accept') === expected ? undefined : 'it does not accept the key'
}

/** The client's header block of a 101, flat, from that of an answer: a switch has no body to describe. */
export const switchHeaders = (headers: readonly string[]): string[] => {
  const block = ['connection', 'Upgrade', 'upgrade', 'websocket']
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (name.toLowerCase() !== 'content-length') block.push(name, headers[i + 1] ?? '')
  }
  return block
}
