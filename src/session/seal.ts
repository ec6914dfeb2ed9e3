import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export type Sealer = ReturnType<typeof createSealer>

const algorithm = 'aes-256-gcm'
const nonceLength = 12
const tagLength = 16

/**
 * Seals and opens what Redis keeps, as nonce (12 bytes), tag (16), ciphertext. The key is derived from
 * the ticket, which Redis never sees, so a thief of Redis and config reads nothing. Of `secrets` the
 * first seals and all open; once there are any, what was sealed without one opens no more, or who can
 * write to Redis could forge a session. `purpose` keeps one purpose's seal from opening another's.
 */
export const createSealer = (secrets: readonly string[], purpose = 'session') => {
  const info = `claimcheck ${purpose} v1`
  const [first = '', ...older] = secrets
  const derive = (ticket: string, secret: string) =>
    Buffer.from(hkdfSync('sha256', ticket, secret, info, 32))

  /** Bound to the key's name and to the clear line: neither a copy under another key nor an edited line opens. */
  const bind = (keyName: string, clearLine: Buffer) =>
    Buffer.concat([Buffer.from(keyName), Buffer.of(0), clearLine])

  const unseal = (key: Buffer, bound: Buffer, sealed: Buffer): Buffer | undefined => {
    const nonce = sealed.subarray(0, nonceLength)
    const tag = sealed.subarray(nonceLength, nonceLength + tagLength)
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagLength })
    decipher.setAAD(bound).setAuthTag(tag)
    const plain = decipher.update(sealed.subarray(nonceLength + tagLength))
    try {
      return Buffer.concat([plain, decipher.final()])
    } catch {
      return undefined
    }
  }

  return {
    seal: (ticket: string, keyName: string, clearLine: Buffer, plain: Buffer): Buffer => {
      const nonce = randomBytes(nonceLength)
      const cipher = createCipheriv(algorithm, derive(ticket, first), nonce)
      cipher.setAAD(bind(keyName, clearLine))
      const sealed = [cipher.update(plain), cipher.final()]
      return Buffer.concat([nonce, cipher.getAuthTag(), ...sealed])
    },

    /** Undefined where the bytes are not what `seal` made for this ticket, key name and clear line. */
    open: (
      ticket: string,
      keyName: string,
      clearLine: Buffer,
      sealed: Buffer,
    ): Buffer | undefined => {
      if (sealed.length < nonceLength + tagLength) return undefined
      const bound = bind(keyName, clearLine)
      for (const secret of [first, ...older]) {
        const plain = unseal(derive(ticket, secret), bound, sealed)
        if (plain !== undefined) return plain
      }
      return undefined
    },
  }
}
