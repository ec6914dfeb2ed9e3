/**
 * The word that was probably meant: the same but for case, `-` and `_`, or one or two keystrokes away
 * (a third of its letters at most). Undefined if there is none.
 */
export const suggest = (typed: string, words: readonly string[]): string | undefined => {
  const plain = (word: string) => word.toLowerCase().replace(/[-_]/g, '')
  const ranked = words
    .map(word => ({ word, away: distance(plain(typed), plain(word)) }))
    .filter(({ word, away }) => away <= Math.min(2, word.length / 3))
    .sort((a, b) => a.away - b.away)
  return ranked[0]?.word
}

/** Optimal string alignment: letters inserted, left out, changed, or swapped with their neighbour. */
const distance = (a: string, b: string): number => {
  const table: number[][] = []
  // What is not in the table is a word against nothing.
  const at = (i: number, j: number): number => table[i]?.[j] ?? i + j
  for (let i = 1; i <= a.length; i++) {
    const row: number[] = []
    table[i] = row
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + change,
        swapped ? at(i - 2, j - 2) + 1 : Infinity,
      )
    }
  }
  return at(a.length, b.length)
}
