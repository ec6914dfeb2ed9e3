import type { CustomFetch } from 'openid-client'
import { readAtMost } from './read-at-most.ts'

interface Limits {
  /** Milliseconds for the whole exchange, waiting in line and the last byte of the answer included. */
  readonly timeout: number
  readonly maxBytes?: number
  /** How many exchanges may be under way; further ones wait in line. */
  readonly maxCalls?: number
}

/**
 * A fetch for talking to a provider: never follows a redirect (RFC 9700 section 4.11), gives up after
 * the timeout however slowly bytes drip, and reads no more than `maxBytes`. Rejects like fetch does.
 */
export const createProviderFetch = (limits: Limits): CustomFetch => {
  const { timeout, maxBytes = 512 * 1024, maxCalls = 64 } = limits
  const waiting: (() => void)[] = []
  let calls = 0

  const enter = async (): Promise<void> => {
    if (calls < maxCalls) calls++
    else await new Promise<void>(resolve => waiting.push(resolve))
  }
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) calls--
    else next()
  }

  return async (url, { method, headers, body }) => {
    const signal = AbortSignal.timeout(timeout)
    await enter()
    try {
      // Late in line, nothing has been sent: a refresh token that was not shown is not used up.
      signal.throwIfAborted()
      const form = body instanceof URLSearchParams ? body : null
      const response = await fetch(url, { method, headers, body: form, redirect: 'manual', signal })
      const { status } = response
      const bytes = await readAtMost(maxBytes, response)
      return new Response(bytes.length === 0 ? null : bytes, { status, headers: response.headers })
    } finally {
      leave()
    }
  }
}
