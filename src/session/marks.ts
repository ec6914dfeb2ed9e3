/** Stands for one question about a key that is on its way. */
export interface Mark {
  readonly key: string
  /** The session that the answer is for. */
  readonly handle: string
  /** A change of the key was announced after the question: the answer may be older than the change. */
  doomed: boolean
}

export type Marks = ReturnType<typeof createMarks>

/**
 * Questions on their way. An announcement can overtake an answer that is older, and even on one
 * connection it is handled before the code that awaits the answer; so a mark is made before the question
 * is sent, and an answer is kept only if its mark was not doomed.
 */
export const createMarks = () => {
  const byKey = new Map<string, Set<Mark>>()

  const begin = (key: string, handle: string): Mark => {
    const mark: Mark = { key, handle, doomed: false }
    const marks = byKey.get(key)
    if (marks === undefined) byKey.set(key, new Set([mark]))
    else marks.add(mark)
    return mark
  }
  const end = (mark: Mark): void => {
    const marks = byKey.get(mark.key)
    marks?.delete(mark)
    if (marks?.size === 0) byKey.delete(mark.key)
  }
  /** Dooms what is asked about `key`, and gives it. */
  const doom = (key: string): Iterable<Mark> => {
    const marks = byKey.get(key)
    if (marks === undefined) return []
    for (const mark of marks) mark.doomed = true
    return marks
  }
  const doomAll = (): void => {
    for (const key of byKey.keys()) doom(key)
  }
  return { begin, end, doom, doomAll, size: () => byKey.size }
}
