const longest = 2048
/** Printable ASCII without the backslash, which browsers read as a slash, and anything beyond the C1 controls. */
const plain = /^[!-[\]-~\u{a0}-\u{d7ff}\u{e000}-\u{10ffff}]+$/u

/**
 * Where a browser is sent after a log-in or log-out: the path, query and fragment of `wanted`, in
 * ASCII, or `/` where a browser standing on `publicUrl` would read it as anything but a place on that
 * origin (RFC 9700 section 4.11.1). Never throws.
 */
export const returnTo = (wanted: string | undefined, publicUrl: string): string => {
  if (wanted === undefined || wanted.length > longest) return '/'
  if (!plain.test(wanted) || !wanted.startsWith('/')) return '/'
  const url = resolve(wanted, publicUrl)
  if (url?.origin !== new URL(publicUrl).origin) return '/'
  const local = url.pathname + url.search + url.hash
  // Removing dot segments can leave two slashes in front (`/.//evil`): asked again of what will be sent.
  return resolve(local, publicUrl)?.href === url.href ? local : '/'
}

const resolve = (reference: string, base: string): URL | undefined =>
  URL.canParse(reference, base) ? new URL(reference, base) : undefined
