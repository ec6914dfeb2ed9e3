import { createHash } from 'node:crypto'

/** The name of the session in Redis and in the admin API, from the cookie's `name=value`. */
export const handleOf = cookie =>
  createHash('sha256')
    .update(cookie.slice(cookie.indexOf('=') + 1))
    .digest('hex')

export const sessionKey = ({ prefix }, cookie) => `${prefix}session:${handleOf(cookie)}`
