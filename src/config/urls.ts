import { isLoopback, readAddress } from './addresses.ts'
import type { Shape } from './shapes.ts'

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

/**
 * The URL of an exact http(s) origin in normal form, as a browser writes it in `Origin`; undefined for
 * anything else. `*` is a legal host for the URL standard.
 */
const originOf = (text: string): URL | undefined => {
  const url = urlOf(text)
  return url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.origin === text &&
    !text.includes('*')
    ? url
    : undefined
}

/** True for an origin that only this machine can reach, where browsers take Secure cookies over http. */
export const isLocalOrigin = (origin: string): boolean => {
  const host = urlOf(origin)?.hostname ?? ''
  return isLoopback(host) && !/^127\.(?!0\.0\.1$)/.test(host)
}

export const publicUrl: Shape = text => {
  const url = originOf(text)
  if (url === undefined)
    return 'must be an origin as browsers write it, such as https://app.example.com: lower case, nothing after the host and port'
  return url.protocol === 'https:' || isLocalOrigin(text)
    ? undefined
    : 'must be https: only localhost may be http, for development'
}

export const origin: Shape = text =>
  originOf(text)
    ? undefined
    : 'must be one exact origin such as https://admin.example.com: no wildcard, nothing after the host and port'

/** Where requests are sent: without credentials or a path, because `rewrite` is the one place for paths. */
export const target: Shape = text => {
  const sound =
    /^unix:\/[^/\0]/.test(text) || (/^https?:\/\/[^/?#@\\\s*]+$/.test(text) && URL.canParse(text))
  return sound
    ? undefined
    : 'must be http://host:port, https://host:port or unix:/path/to.sock, with no path or slash after the port (see rewrite)'
}

/** Percent-escapes of a password must be UTF-8, or it cannot be sent. */
const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

export const redisUrl: Shape = text => {
  const sound =
    text === 'embedded' ||
    /^unix:\/\/(?:[^@/\s]*@)?\/[^/\0]/.test(text) ||
    (/^rediss?:\/\/[^/?#\s]+(?:\/\d*)?$/.test(text) && urlOf(text)?.hostname)
  if (!sound)
    return 'must be redis://host:port, rediss://host:port, unix:///path/to.sock or embedded; in a password, percent-encode / ? # and @'
  return isDecodable(text) ? undefined : 'must hold no % but as part of an escape such as %25'
}

export const jwksUrl: Shape = text => {
  const url = urlOf(text)
  return url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    !url.hash &&
    !url.username &&
    !url.password
    ? undefined
    : 'must be the https:// URL of a key set'
}

export const listen: Shape = text =>
  readAddress(text)
    ? undefined
    : 'must be host:port such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080'

export const redisNode: Shape = text =>
  (readAddress(text)?.port ?? 0) > 0 ? undefined : 'must be host:port such as 10.0.0.1:26379'
