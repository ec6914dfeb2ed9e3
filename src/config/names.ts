import { METHODS } from 'node:http'
import type { Shape } from './shapes.ts'

/** RFC 9110 section 5.6.2. Cookie names are tokens too (RFC 6265 section 4.1.1). */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

const shape =
  (sound: (text: string) => boolean, reason: string): Shape =>
  text =>
    sound(text) ? undefined : reason

export const method = shape(
  text => METHODS.includes(text) && text !== 'CONNECT' && text !== 'TRACE',
  'must be a method in capital letters, such as GET; CONNECT and TRACE are never forwarded',
)

export const anyText = shape(text => text.length > 0, 'must not be empty')

/** What the names of upstreams look like: no dot, colon or slash, so that they cannot be taken for a URL. */
export const upstreamName = '^[A-Za-z][A-Za-z0-9_-]*$'

export const provider = shape(
  text => /^[a-z][a-z0-9-]*$/.test(text) && text !== 'oidc',
  'must be a name such as api: lower-case letters, digits and dashes, and not oidc',
)

export const keyPrefix = shape(
  text => /^[A-Za-z0-9._:/-]+$/.test(text),
  'must be letters, digits and any of . _ : / -',
)

export const cookie = shape(
  text => token.test(text),
  'must be the name of a cookie, or "*" for all but our own',
)

const prefixes = /^__(?:Host-Http|Host|Http|Secure)-./

/**
 * Our cookies are Secure, HttpOnly, Path=/ and without Domain, which every prefix of RFC 6265bis section
 * 4.1.3 accepts; but browsers match prefixes in any case, and some only in the right one.
 */
export const sessionCookie = shape(
  text =>
    token.test(text) &&
    text !== '__Host-Http-login' &&
    (!text.startsWith('__') || prefixes.test(text)),
  'must be the name of a cookie; one that begins with __ needs a known prefix such as __Host-, and __Host-Http-login is taken',
)

/** What a claim may not be sent as: names that frame or route the request, or that the gateway sets. */
const ownHeaders =
  /^(?:authorization|connection|content-.*|cookie2?|expect|forwarded|host|http2-settings|keep-alive|proxy-.*|range|sec-.*|set-cookie2?|te|trailer|transfer-encoding|upgrade|via|x-forwarded-.*|x-real-ip|x-request-id)$/i

/** What the names of claim headers look like. No underscore: CGI upstreams take `_` and `-` for the same. */
export const headerName = '^[A-Za-z][A-Za-z0-9-]*$'
export const isOwnHeader = (name: string): boolean => ownHeaders.test(name)

const jsonPointer = /^(?:\/(?:[^~/]|~[01])*)+$/

export const pointer = shape(
  text => jsonPointer.test(text),
  'must be a JSON Pointer such as /access_token',
)

/** What the names of claims look like: with a leading slash a JSON Pointer, otherwise literal. */
export const claimName = '^(?:[^/].*|(?:/(?:[^~/]|~[01])*)+)$'

export const claim = shape(
  text => new RegExp(claimName, 's').test(text),
  'must be the name of a claim, or a JSON Pointer such as /address/country',
)
