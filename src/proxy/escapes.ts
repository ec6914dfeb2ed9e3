/** 0–15 for the character code of a hex digit, else -1. */
const hex = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** The byte that the escape at `index` stands for, or -1 where `%` and two hex digits do not stand there. */
export const escapedByte = (text: string, index: number): number => {
  const high = hex(text.charCodeAt(index + 1))
  const low = hex(text.charCodeAt(index + 2))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/** RFC 3986 section 2.3. */
export const isUnreserved = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x30 && code <= 0x39) ||
  code === 0x2d ||
  code === 0x2e ||
  code === 0x5f ||
  code === 0x7e

/**
 * What is left of an ASCII text after percent-decoding until nothing can be decoded, a character for each
 * byte. Linear: each escape is taken off the end of what was read, so `%25252e` costs no pass for each
 * layer. Escapes do not overlap, so the order does not matter.
 */
export const decodeWholly = (text: string): string => {
  const bytes = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    bytes[length++] = text.charCodeAt(i)
    while (length >= 3 && bytes[length - 3] === 0x25) {
      const high = hex(bytes.readUInt8(length - 2))
      const low = hex(bytes.readUInt8(length - 1))
      if (high < 0 || low < 0) break
      length -= 2
      bytes[length - 1] = high * 16 + low
    }
  }
  return bytes.toString('latin1', 0, length)
}

/** Bytes that no valid UTF-8 has: an ASCII character spelled too long, such as `/` as C0 AF. */
const overlong = /[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]/

/** The text of UTF-8 bytes, given as a character each; undefined where one is spelled too long, which lenient readers take. */
export const readUtf8 = (bytes: string): string | undefined => {
  if (!/[\x80-\xff]/.test(bytes)) return bytes
  return overlong.test(bytes) ? undefined : Buffer.from(bytes, 'latin1').toString('utf8')
}
