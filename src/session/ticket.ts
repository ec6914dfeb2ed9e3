import { hash, randomBytes } from 'node:crypto'

const ticketShape = /^[\w-]{43}$/
const handleShape = /^[0-9a-f]{64}$/

/** A new ticket: 32 random bytes in base64url, 43 characters. */
export const createTicket = (): string => randomBytes(32).toString('base64url')

/** Whether a value has the length and the alphabet of a ticket: asked before Redis is. */
export const isTicket = (value: string): boolean => ticketShape.test(value)

/** The public name of a ticket's session: lower-case hex SHA-256 of its 43 characters, as `sha256sum` prints it. */
export const handleOf = (ticket: string): string => hash('sha256', ticket)

/** Whether a value has the length and the alphabet of a handle. */
export const isHandle = (value: string): boolean => handleShape.test(value)
