/** A Markdown table whose columns line up in a terminal too; the first row is the head, numbers go right. */
export const table = rows => {
  const text = rows.map(row => row.map(String))
  const widths = text[0].map((_, column) => Math.max(3, ...text.map(row => row[column].length)))
  const right = text[0].map((_, column) => column > 0)
  const line = row => {
    const cells = row.map((cell, i) => cell[right[i] ? 'padStart' : 'padEnd'](widths[i]))
    return `| ${cells.join(' | ')} |`
  }
  const rule = widths.map((width, i) =>
    right[i] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  )
  return [line(text[0]), `| ${rule.join(' | ')} |`, ...text.slice(1).map(line)].join('\n')
}
