/** Prints one JSON line, which is how the demo's processes tell what happens to them. */
export const say = event => process.stdout.write(`${JSON.stringify(event)}\n`)

/** The whole body of a request as text. */
export const read = async req => {
  const chunks = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text for HTML content and quoted attributes. */
export const escapeHtml = text => text.replace(/[&<>"']/g, character => escapes[character])
