/** Reads the body of a response, and rejects once it turns out to be longer than `limit` bytes. */
export const readAtMost = async (
  limit: number,
  response: Response,
): Promise<Buffer<ArrayBuffer>> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > limit) throw new Error(`more than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
