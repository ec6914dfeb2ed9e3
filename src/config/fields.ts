import { type TProperties, Type } from 'typebox'
import type { ShapeName } from './shapes.ts'
import type { DurationLimits } from './units.ts'

/** A map of keys, all of which may be left out. */
export const section = <T extends TProperties>(keys: T, description: string) =>
  Type.Object(keys, { additionalProperties: false, default: {}, description })

/** A map of keys of which some are required, so that it has no default of its own. */
export const group = <T extends TProperties>(keys: T, description: string) =>
  Type.Object(keys, { additionalProperties: false, description })

/** A map with names that the operator chooses. `pattern` is what such a name looks like, `naming` says it in words. */
export const named = <T extends TProperties[string]>(
  pattern: string,
  naming: string,
  entry: T,
  description: string,
  example?: Record<string, unknown>,
) =>
  Type.Record(Type.String({ pattern }), entry, {
    additionalProperties: false,
    default: {},
    naming,
    description,
    ...(example && { example }),
  })

/** A text of a certain shape (shapes.ts). */
export const text = (
  shape: ShapeName,
  description: string,
  options: { default?: string; example?: string } = {},
) => Type.String({ shape, description, ...options })

/** A list of texts of one shape: empty by default, or required where it must have an entry. */
export const texts = (
  shape: ShapeName,
  description: string,
  options: { default?: string[]; example?: string[]; minItems?: number } = {},
) =>
  Type.Array(Type.String({ shape }), {
    ...(options.minItems === undefined && { default: [] }),
    description,
    ...options,
  })

/** One of a few words. */
export const choice = <const T extends readonly string[]>(
  words: T,
  standard: T[number],
  description: string,
) => Type.Unsafe<T[number]>({ type: 'string', enum: words, default: standard, description })

export const flag = (standard: boolean, description: string) =>
  Type.Boolean({ default: standard, description })

/**
 * A duration: `30s` in the file, milliseconds in the config. It is a day at most unless told otherwise,
 * because a timer of Node fires at once when it is set to more than 2^31 ms.
 */
export const duration = (
  standard: string,
  description: string,
  limits: Partial<DurationLimits> = {},
) =>
  Type.Unsafe<number>({
    type: 'string',
    duration: { most: '24h', ...limits },
    default: standard,
    description,
  })

/** A duration without a default, for keys that may be left out. */
export const period = (description: string, options: { example?: string } = {}) =>
  Type.Unsafe<number>({ type: 'string', duration: { most: '24h' }, description, ...options })

/** How many: a whole number from 1 to `most`, or the word `auto`. */
export const numberOrAuto = (standard: number, most: number, description: string) =>
  Type.Unsafe<number | 'auto'>({
    type: ['string', 'integer'],
    numberOrAuto: { most },
    default: standard,
    description,
  })

/** A size: `64kb` in the file, bytes in the config; 0 needs no unit. */
export const size = (standard: number, description: string) =>
  Type.Unsafe<number>({ type: ['string', 'integer'], size: true, default: standard, description })
