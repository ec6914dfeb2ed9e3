import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readText } from '../config/files.ts'

/** The key that signs the client's assertions (RFC 7523, `private_key_jwt`). */
export interface ClientKey {
  readonly key: KeyObject
  readonly algorithm: string
  readonly keyId: string | undefined
}

type Read =
  | { readonly kind: 'key'; readonly key: ClientKey }
  | { readonly kind: 'refused'; readonly reason: string }

const refused = (reason: string): Read => ({ kind: 'refused', reason })

/**
 * Reads a private key: the text of a PEM or JWK, or the path of a file with one. A JWK's `alg` and
 * `kid` are kept; `keyId` wins. A reason never quotes the text.
 */
export const readClientKey = (textOrPath: string, keyId: string | undefined): Read => {
  const file = isKeyText(textOrPath) ? undefined : readText(textOrPath)
  if (file?.kind === 'unreadable') return refused(`cannot be read: ${file.reason}`)
  const text = file?.text ?? textOrPath
  const { key, alg, kid } = parse(text)
  if (key === undefined) return refused('must be a private key in PEM or JWK, without a passphrase')
  if ((key.asymmetricKeyDetails?.modulusLength ?? 2048) < 2048) {
    return refused('must be an RSA key of at least 2048 bits')
  }
  const possible = algorithmsOf(key)
  const [standard] = possible
  if (standard === undefined) return refused('must be an RSA, P-256, P-384, P-521 or Ed25519 key')
  if (alg !== undefined && !possible.includes(alg))
    return refused('has an alg that its key cannot do')
  return { kind: 'key', key: { key, algorithm: alg ?? standard, keyId: keyId ?? kid } }
}

const isKeyText = (text: string): boolean => /^\s*(?:-----BEGIN |\{)/.test(text)

interface Parsed {
  readonly key?: KeyObject
  readonly alg?: string
  readonly kid?: string
}

const parse = (text: string): Parsed => {
  try {
    if (!text.trimStart().startsWith('{')) return { key: createPrivateKey(text) }
    const jwk = JSON.parse(text)
    const { alg, kid } = jwk
    return {
      key: createPrivateKey({ key: jwk, format: 'jwk' }),
      ...(typeof alg === 'string' && { alg }),
      ...(typeof kid === 'string' && { kid }),
    }
  } catch {
    return {}
  }
}

const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

/** What a key can sign with (RFC 7518 section 3.1, RFC 9864), the usual one first. */
const algorithmsOf = (key: KeyObject): readonly string[] => {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
    case 'ed25519':
      return ['Ed25519', 'EdDSA']
    case 'ec': {
      const algorithm = curves[String(key.asymmetricKeyDetails?.namedCurve)]
      return algorithm === undefined ? [] : [algorithm]
    }
    default:
      return []
  }
}
