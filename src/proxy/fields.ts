/** The grammar of header fields (RFC 9110 sections 5 and 5.6). Texts are bytes as latin1. */

/** A token, for use in a pattern. */
export const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"

const wholeToken = new RegExp(`^${token}$`)

/** Whether a text can be the name of a field, or a method. */
export const isToken = (text: string): boolean => wholeToken.test(text)

/** Whether a text can be the value of a field: no control character but HTAB, hence no CR or LF. */
export const isFieldValue = (text: string): boolean => !/[^\t\x20-\x7e\x80-\xff]/.test(text)

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** The text between two places, without SP and HTAB around it; other spaces are no blanks. */
export const trimmed = (text: string, from: number, to: number): string => {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}
