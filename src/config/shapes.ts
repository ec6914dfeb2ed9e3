import { wrongWithNetwork } from './addresses.ts'
import {
  anyText,
  claim,
  cookie,
  keyPrefix,
  method,
  pointer,
  provider,
  sessionCookie,
  upstreamName,
} from './names.ts'
import { authPath, localPage, routePath } from './paths.ts'
import { bearer, sealSecret, secret } from './secrets.ts'
import { jwksUrl, listen, origin, publicUrl, redisNode, redisUrl, target } from './urls.ts'

/**
 * What a text has to look like: the reason why this one does not (beginning with "must", and never
 * quoting the text, which may hold a secret), or undefined.
 */
export type Shape = (text: string) => string | undefined

export type ShapeName = keyof typeof shapes

/** Where a route sends its requests: anything with a colon is meant to be a URL. */
const upstream: Shape = text => {
  if (text.includes(':')) return target(text)
  return new RegExp(upstreamName).test(text)
    ? undefined
    : 'must be the name of an upstream, or a URL such as http://host:port'
}

/** The shapes that a schema can ask for by name (fields.ts). */
export const shapes = {
  anyText,
  authPath,
  bearer,
  claim,
  cookie,
  jwksUrl,
  keyPrefix,
  listen,
  localPage,
  method,
  network: wrongWithNetwork,
  origin,
  pointer,
  provider,
  publicUrl,
  redisNode,
  redisUrl,
  routePath,
  sealSecret,
  secret,
  sessionCookie,
  target,
  upstream,
} as const satisfies Record<string, Shape>
