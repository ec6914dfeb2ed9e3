import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Log } from '../log.ts'

/** `1234:M 21 Nov 2026 21:41:57.201 # text`; the mark before the text is its weight. */
const line = /^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ ([.*#-]) (.*)$/
const trouble =
  /\b(?:error|fail\w*|fatal|can't|cannot|unable|corrupt\w*|bad|short write|crash\w*|disk)\b/i
const kept = 5

/**
 * Passes what a Redis server writes on to the log: at error what it says of trouble, the rest at debug.
 * Returns a function that gives its last words of weight, for when it has ended.
 */
export const listenTo = (out: Readable, err: Readable, log: Log): (() => string) => {
  const last: string[] = []
  const keep = (text: string) => {
    last.push(text)
    if (last.length > kept) last.shift()
  }

  createInterface(out).on('line', raw => {
    const [, mark, text = raw] = line.exec(raw) ?? []
    // Its warnings are advice about the machine.
    const weighs = mark === '#' && !text.startsWith('WARNING')
    if (weighs) keep(text)
    if (weighs && trouble.test(text)) log.error(text)
    else log.debug(text)
  })
  createInterface(err).on('line', text => {
    if (text.trim() === '') return
    keep(text)
    log.error(text)
  })
  return () => last.join('; ')
}
