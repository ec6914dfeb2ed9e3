import type { Log } from '../log.ts'

/**
 * Takes an `expires_in` that is no lifetime (negative, not a number) out of an answer of the token
 * endpoint: the library would refuse the answer as a whole, and with it a refresh token that has been
 * rotated. A token without a known lifetime is used as long as its session lives.
 */
export const mendExpiry = async (response: Response, log: Log): Promise<Response> => {
  if (response.status !== 200) return response
  const text = await response.text()
  const { status, headers } = response
  const mended = withoutBadExpiry(text)
  if (mended !== undefined) log.warn('the provider gave an expires_in that is no lifetime')
  return new Response(mended ?? text, { status, headers })
}

const withoutBadExpiry = (text: string): string | undefined => {
  if (!text.includes('"expires_in"')) return undefined
  const answer = parseObject(text)
  if (answer === undefined || !('expires_in' in answer)) return undefined
  const { expires_in: lifetime, ...rest } = answer
  const seconds = typeof lifetime === 'string' ? Number.parseFloat(lifetime) : lifetime
  const isLifetime = typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0
  return isLifetime ? undefined : JSON.stringify(rest)
}

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
