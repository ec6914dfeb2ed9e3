import { scrub } from '../log.ts'
import type { Context } from './context.ts'

const hundredths = (ms: number): number => Math.round(ms * 100) / 100

/** Remembers the JSON of texts of which there are few: the labels of routes, the methods. */
const quoted = new Map<string, string>()

const quote = (text: string): string => {
  const known = quoted.get(text)
  if (known !== undefined) return known
  const made = JSON.stringify(text)
  if (quoted.size < 1024) quoted.set(text, made)
  return made
}

/**
 * The fields of a request's line, as JSON without its braces. One is written for every request, so it is put together
 * by hand: what comes from outside (the path, the client) is quoted anew, the rest is of our own making.
 */
export const requestLine = (
  context: Context,
  status: number,
  complete: boolean,
  now: number,
): string => {
  const { route, handle, refused, answeredAt, startedAt } = context
  let line = `"id":"${context.id}","method":${quote(context.method)}`
  line += `,"path":${JSON.stringify(scrub(context.path))}`
  if (route !== undefined) line += `,"route":${quote(route.label)}`
  line += `,"status":${status},"complete":${complete}`
  if (handle !== undefined) line += `,"handle":"${handle}"`
  if (refused !== undefined) line += `,"refused":"${refused}"`
  line += `,"client":${JSON.stringify(context.forwarding.client)}`
  if (answeredAt !== 0) line += `,"upstream_ms":${hundredths(answeredAt - startedAt)}`
  return `${line},"ms":${hundredths(now - startedAt)}`
}
