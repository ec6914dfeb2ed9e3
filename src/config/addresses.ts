import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

export interface Address {
  /** A host name or an IP address, the latter without brackets. */
  host: string
  port: number
}

const hostName =
  /^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)*$/

/** `host:port` or `[v6]:port`; undefined for anything else. */
export const readAddress = (text: string): Address | undefined => {
  const [, v6, name = '', digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (!(port <= 65_535)) return undefined
  if (v6 !== undefined) return isIPv6(v6) ? { host: v6, port } : undefined
  // A name in digits and dots only would be a mistyped IPv4 address.
  if (!isIPv4(name) && (/^[\d.]+$/.test(name) || !hostName.test(name))) return undefined
  return { host: name, port }
}

/** True for a host (as in a URL, so v6 in brackets) that is this machine by definition: RFC 6761 section 6.3, 127/8 and ::1. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  host === '[::1]' ||
  (isIPv4(host) && host.startsWith('127.'))

/** What is wrong with a network (`10.0.0.0/8`, or one address); undefined if nothing is. */
export const wrongWithNetwork = (text: string): string | undefined => {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  const longest = family === 4 ? 32 : 128
  const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity
  if (family === 0 || prefix > longest || rest.length > 0)
    return 'must be a network such as 10.0.0.0/8, or one address'
  return prefix === 0 || (family === 6 && coversAllMapped(address, prefix))
    ? 'must not cover every address there is: name your own proxies'
    : undefined
}

/**
 * An IPv4-mapped subnet whose prefix was counted for IPv4 (`::ffff:10.0.0.0/8`) covers ::ffff:0:0/96,
 * which is every IPv4 address (CVE-2026-92395).
 */
const coversAllMapped = (address: string, prefix: number): boolean => {
  if (prefix > 96) return false
  const aroundMapped = new BlockList()
  aroundMapped.addSubnet('::ffff:0:0', prefix, 'ipv6')
  return aroundMapped.check(address, 'ipv6')
}
