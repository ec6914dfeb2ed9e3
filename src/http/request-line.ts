import { scrub } from '../log.ts'
import type { Context } from './context.ts'

const hundredths = (ms: number): number => Math.round(ms * 100) / 100

const longest = 1024

/** A path as it is logged. A line must not grow with it: one of more than 4 KB can mix with those of other processes. */
const shown = (path: string): string => {
  const text = scrub(path)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

/**
 * The fields of a request's line, as JSON without its braces. One is written for every request, so it is put together
 * by hand: what was not made here is quoted anew.
 */
export const requestLine = (
  context: Context,
  status: number,
  complete: boolean,
  now: number,
): string => {
  const { route, handle, refused, answeredAt, startedAt } = context
  let line = `"id":"${context.id}","method":${JSON.stringify(context.method)}`
  line += `,"path":${JSON.stringify(shown(context.path))}`
  if (route !== undefined) line += `,"route":${JSON.stringify(route.label)}`
  line += `,"status":${status},"complete":${complete}`
  if (handle !== undefined) line += `,"handle":"${handle}"`
  if (refused !== undefined) line += `,"refused":"${refused}"`
  line += `,"client":${JSON.stringify(context.forwarding.client)}`
  if (answeredAt !== 0) line += `,"upstream_ms":${hundredths(answeredAt - startedAt)}`
  return `${line},"ms":${hundredths(now - startedAt)}`
}
