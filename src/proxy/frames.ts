/** What precedes a payload: two bytes, then up to eight of length and four of mask (RFC 6455 section 5.2). */
const shortest = 2

/**
 * Follows the frames in one direction of a WebSocket without keeping anything of them, so that a frame
 * of ours can be put between two: inside a frame it would be read as its payload.
 */
export class Frames {
  /** Bytes of the payload under way that are still to come. */
  #left = 0
  /** Header bytes that were read, and how many there are as far as is known. */
  #seen = 0
  #size = shortest
  #extended = 0
  #length = 0

  /** No frame is under way. A control frame may stand here even inside a message (section 5.4). */
  get whole(): boolean {
    return this.#left === 0 && this.#seen === 0
  }

  /** Follows all of `chunk`. */
  read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) at = this.#step(chunk, at)
  }

  /** Follows `chunk` to the end of the frame under way; gives how many bytes of it belong to that frame. */
  finish(chunk: Buffer): number {
    let at = 0
    while (at < chunk.length && !this.whole) at = this.#step(chunk, at)
    return at
  }

  /** The next header byte, or as much payload as there is; gives where to go on. */
  #step(chunk: Buffer, at: number): number {
    if (this.#left > 0) {
      const taken = Math.min(this.#left, chunk.length - at)
      this.#left -= taken
      return at + taken
    }
    const byte = chunk[at] ?? 0
    this.#seen++
    if (this.#seen === 2) {
      const short = byte & 0x7f
      this.#extended = short === 126 ? 2 : short === 127 ? 8 : 0
      this.#length = this.#extended === 0 ? short : 0
      this.#size = shortest + this.#extended + (byte & 0x80 ? 4 : 0)
    } else if (this.#seen > 2 && this.#seen <= shortest + this.#extended) {
      this.#length = this.#length * 256 + byte
    }
    if (this.#seen === this.#size) {
      this.#left = this.#length
      this.#seen = 0
      this.#size = shortest
    }
    return at + 1
  }
}

/** A Close frame from a server: unmasked, with its code (sections 5.5.1 and 7.4) and a reason of at most 123 bytes. */
export const closeFrame = (code: number, reason: string): Buffer => {
  const text = Buffer.from(reason)
  const frame = Buffer.alloc(4 + text.length)
  frame[0] = 0x88
  frame[1] = 2 + text.length
  frame.writeUInt16BE(code, 2)
  text.copy(frame, 4)
  return frame
}
