import { readSelection, type Selection } from '../session/selection.ts'
import { isHandle } from '../session/ticket.ts'

/** What `claimcheck sessions …` is to do. */
export type Order =
  | { readonly kind: 'list' }
  | { readonly kind: 'list-user'; readonly provider: string; readonly sub: string }
  | { readonly kind: 'show' | 'end'; readonly handle: string }
  | { readonly kind: 'end-many'; readonly selection: Exclude<Selection, { kind: 'refused' }> }
  | { readonly kind: 'misused'; readonly reason: string }

export interface SessionsOptions {
  readonly provider?: string | undefined
  readonly sub?: string | undefined
  readonly sid?: string | undefined
  readonly all?: boolean | undefined
}

const misused = (reason: string): Order => ({ kind: 'misused', reason })

const pairs = ({ all, ...texts }: SessionsOptions): [string, string][] => [
  ...Object.entries(texts).filter((pair): pair is [string, string] => pair[1] !== undefined),
  ...(all === true ? [['all', 'true'] satisfies [string, string]] : []),
]

/** Reads what follows `claimcheck sessions`. What is contradictory is not carried out. */
export const readOrder = (words: readonly string[], options: SessionsOptions): Order => {
  const [verb, handle, more] = words
  const selecting = pairs(options)
  if (more !== undefined) return misused(`sessions ${verb} takes no ${more}`)
  switch (verb) {
    case 'list': {
      if (handle !== undefined) return misused(`sessions list takes no ${handle}`)
      if (selecting.length === 0) return { kind: 'list' }
      const selection = readSelection(selecting)
      if (selection.kind !== 'user')
        return misused('sessions list needs --provider and --sub, or nothing')
      return { ...selection, kind: 'list-user' }
    }
    case 'show':
    case 'end': {
      if (handle !== undefined) {
        if (selecting.length > 0) return misused(`--${selecting[0]?.[0]} does not go with a handle`)
        if (!isHandle(handle)) return misused('a handle is 64 characters, 0 to 9 and a to f')
        return { kind: verb, handle }
      }
      if (verb === 'show') return misused('sessions show needs a handle')
      const selection = readSelection(selecting)
      if (selection.kind !== 'refused') return { kind: 'end-many', selection }
      return misused('sessions end needs a handle, --provider with --sub or --sid, or --all alone')
    }
    default:
      return misused(
        verb === undefined ? 'sessions needs list, show or end' : `there is no sessions ${verb}`,
      )
  }
}
