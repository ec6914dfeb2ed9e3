import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'

export type FileText = { kind: 'text'; text: string } | { kind: 'unreadable'; reason: string }

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission is denied',
  EISDIR: 'it is a folder',
}

/** The text of a file, which must be UTF-8; a byte order mark is dropped. */
export const readText = (file: string): FileText => {
  try {
    const bytes = readFileSync(file)
    return isUtf8(bytes)
      ? { kind: 'text', text: bytes.toString().replace(/^\ufeff/, '') }
      : { kind: 'unreadable', reason: 'it is not UTF-8' }
  } catch (error) {
    // Error: ENOENT: no such file or directory, open '…'
    const [, code = ''] = String(error).split(': ')
    return { kind: 'unreadable', reason: reasons[code] ?? code }
  }
}
