/** A JSON Pointer (RFC 6901) as its reference tokens, unescaped (keysOf of config/problem.ts). */
export type Pointer = readonly string[]

/** The value that a pointer names in parsed JSON; undefined where there is none. */
export const resolve = (value: unknown, pointer: Pointer): unknown => {
  let found = value
  for (const token of pointer) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, token))
      return undefined
    // An array has an own `length`, which is no element.
    if (Array.isArray(found) && token === 'length') return undefined
    found = Reflect.get(found, token)
  }
  return found
}
