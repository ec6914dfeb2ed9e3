/** The two directions of a route's `rewrite`. */
export interface Rewrite {
  /** The path that goes upstream for a matched path. */
  upstreamPath(path: string): string
  /**
   * An upstream's `Location` as the browser should read it: one at the upstream's own authority or under
   * the rewritten prefix becomes a path of the public origin; any other stays as it is.
   */
  publicLocation(location: string): string
}

/** `/` as a prefix is nothing before the slash that follows. */
const prefixOf = (path: string): string => (path === '/' ? '' : path)

const isBelow = (path: string, prefix: string): boolean =>
  path.startsWith(prefix) &&
  (path.length === prefix.length || '/?#'.includes(path.charAt(prefix.length)))

/**
 * Compiles a route's path and `rewrite` (undefined: the path stays) for an upstream whose targets have
 * these origins, in normal form.
 */
export const createRewrite = (
  path: string,
  rewrite: string | undefined,
  targetOrigins: ReadonlySet<string>,
  publicOrigin: string,
): Rewrite => {
  const outside = prefixOf(path)
  const inside = prefixOf(rewrite ?? path)

  const outward = (location: string): string => {
    if (inside === outside || !isBelow(location, inside)) return location
    const mapped = outside + location.slice(inside.length)
    return mapped.startsWith('/') ? mapped : `/${mapped}`
  }
  return {
    upstreamPath: matched =>
      inside === outside ? matched : inside + matched.slice(outside.length) || '/',
    publicLocation: location => {
      if (location.startsWith('/') && !location.startsWith('//')) {
        const mapped = outward(location)
        return mapped === location ? location : rooted(mapped, publicOrigin)
      }
      const url = absolute(location, targetOrigins)
      if (url === undefined) return location
      return rooted(outward(url.pathname + url.search + url.hash), publicOrigin)
    },
  }
}

/** The URL that an upstream at one of these origins means, or undefined where it names no place of its own. */
const absolute = (location: string, targetOrigins: ReadonlySet<string>): URL | undefined => {
  for (const origin of targetOrigins) {
    const text = location.startsWith('//') ? `${new URL(origin).protocol}${location}` : location
    if (URL.canParse(text) && new URL(text).origin === origin) return new URL(text)
  }
  return undefined
}

/** A path that browsers would read as the name of a host (`//host`, `/\host`) gets ours before it. */
const rooted = (path: string, publicOrigin: string): string =>
  /^\/[/\\\t]/.test(path) ? publicOrigin + path : path
