import { isTicket } from '../session/ticket.ts'

export type Callback =
  | { readonly kind: 'callback'; readonly state: string; readonly parameters: URLSearchParams }
  | { readonly kind: 'refused'; readonly reason: string }

const longest = 8192

/**
 * Reads the query of a callback before anything is asked of Redis or of the provider: each parameter
 * once (RFC 6749 section 3.1), a state of our own making, and either a code or an error.
 */
export const readCallback = (query: string): Callback => {
  if (query.length > longest) return refused('the query is too long')
  const parameters = new URLSearchParams(query)
  for (const name of ['state', 'code', 'error', 'iss']) {
    if (parameters.getAll(name).length > 1) return refused(`there is more than one ${name}`)
  }
  const state = parameters.get('state') ?? ''
  // 32 random bytes in base64url, as a ticket is.
  if (!isTicket(state)) return refused('the state is not one of ours')
  if (parameters.has('code') === parameters.has('error')) {
    return refused('there is not either a code or an error')
  }
  return { kind: 'callback', state, parameters }
}

/** Why the answer is not from the provider that was asked (RFC 9207 section 2.4); undefined where it is. */
export const wrongIssuer = (
  parameters: URLSearchParams,
  issuer: string,
  alwaysSent: boolean,
): string | undefined => {
  const named = parameters.get('iss')
  if (named === null)
    return alwaysSent ? 'the answer does not say which provider it is from' : undefined
  return named === issuer ? undefined : 'the answer is from another provider'
}

const refused = (reason: string): Callback => ({ kind: 'refused', reason })
