/** Combining marks and invisible characters: no separator and no dot, but some readers drop them. */
const ignorable = /[\p{M}\p{Cf}]+/gu

/**
 * The form in which two texts are one to readers that ignore case, width, accents or compatibility
 * forms. Marks go first, because normalising long runs of them takes quadratic time (measured: 3 ms for 16 KB).
 */
const fold = (text: string): string =>
  /[\x80-\uffff]/.test(text)
    ? text
        .replace(ignorable, '')
        .normalize('NFKD')
        .replace(ignorable, '')
        .toUpperCase()
        .toLowerCase()
    : text.toLowerCase()

const without = (text: string, endings: string): string => {
  let end = text.length
  while (end > 0 && endings.includes(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

/**
 * What the most lenient upstream could take a wholly decoded path for: case folded, empty segments gone,
 * and of each segment what follows a `;` (CVE-2026-127060: servlet containers), `?` or `#`, and dots and
 * spaces at its end (Windows). Undefined where a segment would be a dot segment to it. Who cuts the
 * whole path at `?` sees the beginning of this form, so that is no other route either.
 */
export const looseForm = (decoded: string): string | undefined => {
  const kept: string[] = []
  // A full-width backslash folds to one: good for nothing but a separator here.
  const segments = fold(decoded).split(/[/\\]/)
  for (const segment of segments) {
    const end = segment.search(/[;?#]/)
    const name = without(end < 0 ? segment : segment.slice(0, end), ' ')
    if (name === '.' || name === '..') return undefined
    const bare = without(name, ' .')
    if (bare !== '') kept.push(bare)
  }
  const tail = kept.length > 0 && segments.at(-1) === '' ? '/' : ''
  return `/${kept.join('/')}${tail}`
}
