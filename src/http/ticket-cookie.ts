import { fastifyCookie } from '@fastify/cookie'

export type TicketCookie = ReturnType<typeof createTicketCookie>

/**
 * The session cookie: `Secure; HttpOnly; Path=/`, no `Domain`, no `Max-Age` (its end is enforced in
 * Redis). Both functions give a whole `Set-Cookie` value; `clear` repeats the attributes exactly, or the
 * browser would keep the cookie (CK-13).
 */
export const createTicketCookie = (name: string, sameSite: 'strict' | 'lax') => {
  const attributes = { path: '/', secure: true, httpOnly: true, sameSite }
  return {
    name,
    set: (ticket: string): string => fastifyCookie.serialize(name, ticket, attributes),
    clear: (): string => fastifyCookie.serialize(name, '', { ...attributes, maxAge: 0 }),
  }
}

export type LoginCookie = ReturnType<typeof createLoginCookie>

/** Shared by all logins that a browser has under way: it has to survive the way back from the provider, hence `Lax`. */
export const createLoginCookie = () => {
  const name = '__Host-Http-login'
  const attributes = {
    path: '/',
    secure: true,
    httpOnly: true,
    sameSite: 'lax',
    maxAge: 600,
  } as const
  return {
    name,
    set: (value: string): string => fastifyCookie.serialize(name, value, attributes),
  }
}
