import type { RoutePlan } from './plan.ts'

/** What may stand in a header field as it is: visible ASCII but `%` (RFC 9110 section 5.5), and spaces inside. */
const unsafe = /[^\x20-\x24\x26-\x7e]/gu

/** Percent-encodes what may not stand in a header (as UTF-8), and `%` itself, so that decoding gives the value back (HD-04). */
export const encodeHeaderValue = (value: string): string =>
  value
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(unsafe, character => encodeURIComponent(character))
    .replace(/^ | $/g, '%20')

const scalar = (value: unknown): string | undefined => {
  if (typeof value === 'string') return encodeHeaderValue(value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** The elements of a list are joined by commas, so a comma within one is encoded too. */
const headerValue = (value: unknown): string | undefined => {
  if (!Array.isArray(value)) return scalar(value)
  const parts = value.map(element => scalar(element)?.replaceAll(',', '%2C'))
  return parts.every(part => part !== undefined) ? parts.join(',') : undefined
}

const none: readonly string[] = []

/** The route's `claimHeaders` for a session's claims, flat; none without a session. A claim that is absent or an object sends no header. */
export const claimHeaders = (
  route: RoutePlan,
  claims: Record<string, unknown> | undefined,
): readonly string[] => {
  if (claims === undefined || route.claimHeaders.length === 0) return none
  const headers: string[] = []
  for (const { header, read } of route.claimHeaders) {
    const value = headerValue(read(claims))
    if (value !== undefined) headers.push(header, value)
  }
  return headers
}
