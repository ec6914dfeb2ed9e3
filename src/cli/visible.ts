/**
 * Controls (C0, C1, DEL), marks that turn or hide text around them, line separators, lone surrogates. A terminal
 * obeys some and shows none, so that a browser's name could rewrite the screen of whoever lists sessions.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\u115f\u1160\u3164\uffa0]/gu

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`

const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => unit(character.charCodeAt(at))).join('')

/** A text in which every character can be seen; the rest, and backslashes, are escaped as in JSON. */
export const visible = (text: string): string =>
  text.replaceAll('\\', '\\\\').replace(unseen, escaped)

/** JSON on one line in which every character can be seen, and which means the same. */
export const visibleJson = (value: unknown): string =>
  JSON.stringify(value).replace(unseen, escaped)
