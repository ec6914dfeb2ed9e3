/**
 * What must not be in an answer, ready to be searched for. Texts are bytes as latin1, so that a
 * percent escape and the byte that it stands for are the same character.
 */
export type Leaks = (text: string) => string | undefined

/** A secret is recognised by so much of its end: it bounds the worst case of the search at 64 comparisons a byte. */
const enough = 64
/** Three encodings around one another are seen through; a fourth round has to find nothing to decode. */
const rounds = 4

/**
 * Searches texts for secrets, for the payload and signature segments of those that are JWTs (the
 * parts that split-cookie schemes hand out), and for anything shaped like a JWS or JWE (RFC 7515
 * section 7.1, RFC 7516 section 7.1). Looks at the text itself and through JSON and percent
 * escapes, base64 text and 16-bit characters. The answer says what was found, never the find
 * itself; undefined where nothing was. Linear in the length of the text.
 */
export const createLeaks = (secrets: readonly string[]): Leaks => {
  const ends = new Set(secrets.flatMap(segmentsOf).map(part => bytes(part).slice(-enough)))
  const search = (text: string): string | undefined => {
    for (const end of ends) if (text.includes(end)) return 'a captured token is still in the answer'
    return hasJose(text) ? 'another token is in the answer' : undefined
  }

  return text => {
    let view = text
    let found = search(view)
    for (let round = 0; round < rounds && found === undefined; round += 1) {
      const before = view
      for (const decode of decoders) {
        const decoded = decode(view)
        if (decoded !== view) found ??= search(decoded)
        view = decoded
      }
      if (view === before) return undefined
    }
    return found ?? 'it is encoded too often to be searched'
  }
}

const bytes = (text: string): string => Buffer.from(text).toString('latin1')

/** A secret, and of a compact JWS or JWE all segments but the header, which tokens share. */
const segmentsOf = (secret: string): string[] =>
  [secret, ...(hasJose(secret) ? secret.split('.').slice(1) : [])].filter(part => part !== '')

/** {"alg":""} in base64url, and the dot. */
const shortestHeader = 15

/** `"alg"` in base64url at each of the three alignments, without the characters that neighbours change. */
const encodedAlg = [0, 1, 2].map(shift => {
  const encoded = Buffer.from(`${'\0'.repeat(shift)}"alg"`).toString('base64url')
  return encoded.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + 5) * 4) / 3))
})

/** True where a base64url segment that holds a header's `"alg"` is followed by a dot. */
const hasJose = (text: string): boolean => {
  // The optional dot keeps this linear: a required one would be looked for from every character of a run.
  for (const run of text.match(/[\w-]+\.?/g) ?? []) {
    if (run.length < shortestHeader || !run.endsWith('.')) continue
    if (encodedAlg.some(alg => run.includes(alg))) return true
    // An escaped name: {"\u0061lg":…
    if (/^e[w-z]/.test(run) && unescapeJson(decode64(run)).includes('"alg"')) return true
  }
  return false
}

const decode64 = (text: string): string => Buffer.from(text, 'base64').toString('latin1')

/** Every JSON string in the text decoded where it stands; control characters become spaces. */
const unescapeJson = (text: string): string =>
  text.replace(
    /\\(?:u00([0-9a-fA-F]{2})|(["\\/])|[bfnrt])/g,
    (_, code: string | undefined, char: string | undefined) =>
      code === undefined ? (char ?? ' ') : charOf(code),
  )

const unescapePercent = (text: string): string =>
  text.replace(/%([0-9a-fA-F]{2})/g, (_, code: string) => charOf(code))

const charOf = (hex: string): string => String.fromCharCode(Number.parseInt(hex, 16))

/** Base64 of readable text, as signed cookies and state parameters are made of. */
const decodeBase64 = (text: string): string =>
  text.replace(/[\w+/-]{24,}/g, run => {
    const decoded = decode64(run)
    return /^[\t\n\r\x20-\x7e]+$/.test(decoded) ? decoded : run
  })

/** ASCII in UTF-16 or UTF-32. */
const dropNulls = (text: string): string => text.replaceAll('\0', '')

const decoders = [unescapeJson, unescapePercent, decodeBase64, dropNulls]
