import type { Shape } from './shapes.ts'

/** RFC 3986 section 3.3, without `;` (parameters) and `*`, which operators mean as a wildcard. */
const segment = /^(?:[A-Za-z0-9._~!$&'()+,=:@-]|%[0-9A-F]{2})+$/
/** Escapes that are decoded before a path is matched, or that could be read as a separator. */
const neverMatched = /%(?:2[DEF]|3[0-9]|4[1-9A-F]|5[0-9ACF]|6[1-9A-F]|7[0-9AE])/

const isSegment = (text: string): boolean =>
  segment.test(text) && !neverMatched.test(text) && !/^(?:\.\.?$|:)/.test(text)

const isPath = (text: string): boolean =>
  text === '/' || (text.startsWith('/') && text.slice(1).split('/').every(isSegment))

/** The path of a route, or what takes its place (`rewrite`). */
export const routePath: Shape = text =>
  isPath(text)
    ? undefined
    : 'must be a plain path such as /api, with no pattern, query or slash at the end: whatever is below it is covered'

/** The prefix of the gateway's own endpoints. */
export const authPath: Shape = text =>
  isPath(text) && /^[A-Za-z0-9/._~-]+$/.test(text) && text !== '/'
    ? undefined
    : 'must be a plain path such as /auth'

/** A page on this site. Never a URL, and nothing that a browser would read as one (`//host`, `/\host`). */
export const localPage: Shape = text =>
  isPath(text) || (text.endsWith('/') && isPath(text.slice(0, -1)))
    ? undefined
    : 'must be a path on this site such as /login, without a query'
