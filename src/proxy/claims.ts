export type Claims = Readonly<Record<string, unknown>>

/**
 * Compiles the name of a claim into what reads it: a leading `/` makes it a JSON Pointer (RFC 6901), any
 * other name is literal. Own properties only: a claim that is not there is undefined, `constructor` too.
 */
export const claimReader = (name: string): ((claims: Claims) => unknown) => {
  if (!name.startsWith('/')) return claims => own(claims, name)
  const keys = name
    .slice(1)
    .split('/')
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))
  return claims => keys.reduce<unknown>(own, claims)
}

const own = (value: unknown, key: string): unknown => {
  if (Array.isArray(value)) return /^(?:0|[1-9]\d{0,8})$/.test(key) ? value[Number(key)] : undefined
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return Reflect.get(value, key)
}
