/** What may stand in a status line: undici decodes it as UTF-8, and Node throws over what that makes of other bytes. */
export const isStatusText = (text: string): boolean =>
  text === 'OK' || /^[\t\x20-\x7e\xa0-\xff]*$/.test(text)

/** Takes `Content-Length` out of a flat header block, in place. */
export const removeLength = (headers: string[]): void => {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (headers[i]?.toLowerCase() === 'content-length') headers.splice(i, 2)
  }
}

/** True for the flat header block of an answer that need not end (HTML, server-sent events). */
export const isEventStream = (headers: readonly string[]): boolean => {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.length === 12 && headers[i]?.toLowerCase() === 'content-type') {
      return headers[i + 1]?.toLowerCase().startsWith('text/event-stream') === true
    }
  }
  return false
}
