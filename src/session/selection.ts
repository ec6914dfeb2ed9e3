import type { Ended } from './end.ts'
import type { Store } from './store.ts'

/** Whose sessions an administrator means. The values are literals: no pattern, no prefix, no folding of case. */
export type Selection =
  | { readonly kind: 'user'; readonly provider: string; readonly sub: string }
  | { readonly kind: 'sid'; readonly provider: string; readonly sid: string }
  | { readonly kind: 'all' }
  /** Nothing, or more than one thing: acting on a guess could log everybody out. */
  | { readonly kind: 'refused'; readonly reason: string }

const refused = (reason: string): Selection => ({ kind: 'refused', reason })

/** Reads names and values, of a query or a command line: `provider` with `sub` or `sid`, or `all=true` alone. */
export const readSelection = (pairs: Iterable<readonly [string, string]>): Selection => {
  const given = new Map<string, string>()
  for (const [name, value] of pairs) {
    if (!['provider', 'sub', 'sid', 'all'].includes(name)) return refused(`${name} is not known`)
    if (given.has(name)) return refused(`${name} is there twice`)
    if (value === '') return refused(`${name} is empty`)
    given.set(name, value)
  }
  const [provider, sub, sid] = [given.get('provider'), given.get('sub'), given.get('sid')]
  if (given.has('all')) {
    if (given.get('all') !== 'true') return refused('all can only be true')
    return given.size === 1 ? { kind: 'all' } : refused('all goes with nothing else')
  }
  if (provider !== undefined && sub !== undefined && sid === undefined) {
    return { kind: 'user', provider, sub }
  }
  if (provider !== undefined && sid !== undefined && sub === undefined) {
    return { kind: 'sid', provider, sid }
  }
  return refused('provider and sub, provider and sid, or all are needed')
}

/** Ends what was selected, and refuses logins of theirs that had begun before. */
export const endSelected = (
  store: Pick<Store, 'endUser' | 'endSid' | 'endAll'>,
  selection: Exclude<Selection, { kind: 'refused' }>,
): Promise<Ended> => {
  switch (selection.kind) {
    case 'user':
      return store.endUser(selection.provider, selection.sub)
    case 'sid':
      return store.endSid(selection.provider, selection.sid)
    case 'all':
      return store.endAll()
  }
}

/** A selection as the audit log names it. */
export const auditOfSelection = (selection: Exclude<Selection, { kind: 'refused' }>) => {
  const { kind, ...names } = selection
  return kind === 'all' ? { all: true } : names
}
