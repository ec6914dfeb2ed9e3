import { BlockList, isIP, SocketAddress } from 'node:net'

export interface Forwarding {
  /** The client's address as far as it can be believed, without an IPv4-mapped prefix. */
  readonly client: string
  /** The value of `X-Forwarded-For` towards the upstream. */
  readonly forwardedFor: string
  /** The value of `Forwarded` towards the upstream (RFC 7239). */
  readonly forwarded: string
  /** True where the peer is one of `trustedProxies`. */
  readonly trusted: boolean
}

const plain = (address: string): string =>
  address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 address, within which a client may
 * choose as many addresses as it likes. Text that is no address stands for itself.
 */
export const networkOf = (address: string): string => {
  const [bare = ''] = address.split('%')
  if (isIP(bare) !== 6) return address
  const known = plain(new SocketAddress({ address: bare, family: 'ipv6' }).address)
  if (!known.includes(':')) return known
  const [head = '', tail] = known.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  // An IPv4 address at the end fills two groups.
  const width = first.length + last.length + (known.includes('.') ? 1 : 0)
  const groups = tail === undefined ? first : [...first, ...Array(8 - width).fill('0'), ...last]
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** An address as a node of `Forwarded`: IPv6 in brackets and quotes (RFC 7239 section 6). */
const node = (address: string): string => (address.includes(':') ? `"[${address}]"` : address)

/**
 * Reads who sent a request. `trusted` are CIDRs whose `X-Forwarded-For` is believed; `publicUrl`
 * gives host and scheme for the upstream, which never come from the request. `disbelieved` hears of
 * every other peer that says for whom it forwards.
 */
export const createForwarding = (
  trusted: readonly string[],
  publicUrl: URL,
  disbelieved: (peer: string) => void = () => undefined,
) => {
  const list = new BlockList()
  for (const cidr of trusted) {
    const [address = '', bits] = cidr.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  const trusts = (address: string): boolean => {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
  const suffix = `;host=${publicUrl.host.includes(':') ? `"${publicUrl.host}"` : publicUrl.host};proto=${publicUrl.protocol.slice(0, -1)}`
  /** The last one made: a peer that is a proxy or a browser sends more than one request. */
  let last: Forwarding | undefined
  const direct = (peer: string, isTrusted: boolean): Forwarding => {
    if (last?.client !== peer) {
      const forwarded = `for=${node(peer)}${suffix}`
      last = { client: peer, forwardedFor: peer, forwarded, trusted: isTrusted }
    }
    return last
  }

  /**
   * `remote` is the socket's remote address; `header` the joined `X-Forwarded-For`, believed only from a
   * trusted peer; `further` any other header of that kind, which nobody is believed.
   */
  return (remote: string, header: string | undefined, further?: unknown): Forwarding => {
    const peer = plain(remote)
    if (trusted.length === 0 || !trusts(peer)) {
      if (header !== undefined || further !== undefined) disbelieved(peer)
      return direct(peer, false)
    }
    if (header === undefined) return direct(peer, true)
    const chain = header.split(',').map(hop => plain(hop.trim()))
    // From the right: each trusted proxy vouches for the address before it; the first that is not one is the client.
    let first = chain.length - 1
    while (first > 0 && trusts(chain[first] ?? '')) first--
    const believed = chain.slice(first).filter(hop => isIP(hop) !== 0)
    const client = believed[0]
    if (client === undefined) return direct(peer, true)
    return {
      client,
      forwardedFor: [...believed, peer].join(', '),
      forwarded: `for=${node(client)}${suffix}`,
      trusted: true,
    }
  }
}
