import { trimmed } from './fields.ts'

/** What the `Cookie` header has under our name: nothing, one value as it was sent, or more than one. */
export type PresentedTicket =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly value: string }
  | { readonly kind: 'many' }

const none: PresentedTicket = { kind: 'none' }
const many: PresentedTicket = { kind: 'many' }

/**
 * Finds our cookie in a `Cookie` header (RFC 6265bis section 4.2). The name is compared byte for byte, with no other
 * space trimmed than SP and HTAB, because a sibling site may set cookies whose names begin with one; no
 * quotes, escapes or `$Version` are understood, because whoever understands them can be made to see a
 * cookie that the browser did not send.
 */
export const ticketOf = (header: string | undefined, name: string): PresentedTicket => {
  if (header === undefined || !header.includes(name)) return none
  let found: string | undefined
  for (let start = 0, end: number; start <= header.length; start = end + 1) {
    end = endOfPair(header, start)
    const equals = header.indexOf('=', start)
    if (equals < 0 || equals >= end || trimmed(header, start, equals) !== name) continue
    if (found !== undefined) return many
    found = trimmed(header, equals + 1, end)
  }
  return found === undefined ? none : { kind: 'one', value: found }
}

const endOfPair = (header: string, start: number): number => {
  const end = header.indexOf(';', start)
  return end < 0 ? header.length : end
}

/** What is left of a cookie's name where case does not count, nor anything around or inside it that no name may have. */
const foldCookie = (name: string): string => name.toLowerCase().replace(/[^\w!#$%&'*+.^`|~-]/g, '')

/** The gateway's own names as the functions below take them. */
export const foldCookies = (names: readonly string[]): ReadonlySet<string> =>
  new Set(names.map(foldCookie))

/**
 * The `Cookie` header that may go upstream, or undefined for none: the cookies in `allowed`, by exact
 * name, or all for `*`; never one of ours (`own`, from foldCookies), in whatever spelling.
 */
export const upstreamCookies = (
  header: string,
  allowed: ReadonlySet<string> | '*',
  own: ReadonlySet<string>,
): string | undefined => {
  if (allowed !== '*' && allowed.size === 0) return undefined
  let kept = ''
  for (let start = 0, end: number; start <= header.length; start = end + 1) {
    end = endOfPair(header, start)
    const pair = trimmed(header, start, end)
    if (pair === '' || isOwn(pair, own)) continue
    const name = trimmed(pair, 0, Math.max(0, pair.indexOf('=')))
    if (allowed === '*' || allowed.has(name)) kept = kept === '' ? pair : `${kept}; ${pair}`
  }
  return kept === '' ? undefined : kept
}

/**
 * True for a `Set-Cookie` value that sets or removes one of ours (`own`, from foldCookies) in some browser or for some
 * reader of cookies: in any case, behind spaces, or as a cookie without a name (`=name=value` is sent back as `name=value`).
 */
export const setsOwnCookie = (value: string, own: ReadonlySet<string>): boolean =>
  isOwn(value.slice(0, endOfPair(value, 0)), own)

const isOwn = (pair: string, own: ReadonlySet<string>): boolean => {
  const [name = ''] = pair.replace(/^[^\w!#$%&'*+.^`|~-]+/, '').split('=', 1)
  return own.has(foldCookie(name))
}
