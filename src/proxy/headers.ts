/** The names that decide what happens to a header field, in both directions. Lower case; `_` counts as `-`. */

/** RFC 9110 section 7.6.1, with what clients still send. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Fields by which some upstream would believe a client about who it is, where it comes from or what it asked for. */
export const spoofable: ReadonlySet<string> = new Set([
  'client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'forwarded',
  'forwarded-for',
  'remote-addr',
  'remote-email',
  'remote-groups',
  'remote-name',
  'remote-user',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-host',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-real-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-remote-user',
  'x-rewrite-url',
])

const spoofablePrefixes = ['x-forwarded-', 'x-auth-request-', 'x-claimcheck-']

export const isSpoofable = (name: string): boolean =>
  spoofable.has(name) || spoofablePrefixes.some(prefix => name.startsWith(prefix))

/** The form in which two names are the same to a lenient upstream (CVE-2025-64484: CGI and WSGI fold `_` onto `-`). */
export const foldName = (name: string): string => name.toLowerCase().replaceAll('_', '-')

const squash = (name: string): string => name.replace(/[-_]/g, '')

/** Tells whether a lower-case name with a `_` in it could be read as one of `names`, wherever its separators are. */
export const createDisguised = (names: Iterable<string>) => {
  const squashed = new Set([...names].map(squash))
  const prefixes = spoofablePrefixes.map(squash)
  return (lower: string): boolean => {
    if (!lower.includes('_')) return false
    const plain = squash(lower)
    return squashed.has(plain) || prefixes.some(prefix => plain.startsWith(prefix))
  }
}

/** What `Connection` nominates beyond `close` and `keep-alive` (RFC 9110 section 7.6.1), or undefined for nothing. */
export const nominated = (connection: string | undefined): ReadonlySet<string> | undefined => {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close')
    return undefined
  return new Set(connection.split(',').map(token => token.trim().toLowerCase()))
}

/** Remembers what `make` made of the first 2048 short texts: real peers use few, and invented ones must not fill the memory. */
export const remember = <Made extends string | number>(make: (text: string) => Made) => {
  const known = new Map<string, Made>()
  return (text: string): Made => {
    const before = known.get(text)
    if (before !== undefined) return before
    const made = make(text)
    if (known.size < 2048 && text.length <= 256) known.set(text, made)
    return made
  }
}

/** Remembers what `classify` said of a name, by its spelling on the wire. */
export const rememberName = <Action extends number>(classify: (lower: string) => Action) =>
  remember(name => classify(name.toLowerCase()))
