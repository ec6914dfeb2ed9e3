import type { Shape } from './shapes.ts'

/** Keys of the samples at jwt.io and of well-known tutorials: letters and digits only, in lower case. */
const samples = new Set([
  'astringsecretatleast256bitslong',
  'avalidstringsecretthatisatleast384bitslongsuitableforhs384',
  'avalidstringsecretthatisatleast512bitslongwhichisverylong',
  'keyboardcat',
  'mysecret',
  'secret',
  'secretkey',
  'shhhhh',
  'supersecret',
])
const placeholders =
  /change[-_ ]?me|replace[-_ ]?(?:me|this)|your[-_ ]?(?:\d+[-_ ]?bit[-_ ]?)?(?:secret|token|key)|^p[a4@]ssw[o0]rd/i

/** True for what somebody typed to have something there: a published sample, a placeholder, `xxxxxxxx`. */
const isSample = (text: string): boolean =>
  placeholders.test(text) ||
  samples.has(text.toLowerCase().replace(/[^a-z0-9]/g, '')) ||
  new Set(text).size < 6

/** A key of ours or of the existing API. How long it has to be depends on the algorithm (rules-capture.ts). */
export const secret: Shape = text =>
  isSample(text) ? 'must be a random secret: this is a sample or a placeholder' : undefined

/** Half of the sealing key. */
export const sealSecret: Shape = text =>
  text.length < 32 ? 'must be at least 32 characters' : secret(text)

/** A secret that is sent as a bearer token (RFC 6750 section 2.1). */
export const bearer: Shape = text =>
  text.length < 32 || !/^[\w.~+/-]+=*$/.test(text)
    ? 'must be at least 32 letters, digits and any of - . _ ~ + /'
    : secret(text)
