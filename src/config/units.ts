const milliseconds = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const bytes = { kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

const parse = (text: string, units: Readonly<Record<string, number>>): number | undefined => {
  const [, amount, unit] = /^(\d{1,9})([a-z]{1,2})$/.exec(text) ?? []
  const factor = unit === undefined ? undefined : units[unit]
  return factor === undefined ? undefined : Number(amount) * factor
}

/** `500ms`, `30s`, `15m` or `12h` in milliseconds; undefined for anything else. */
export const parseDuration = (text: string): number | undefined => parse(text, milliseconds)

/** `64kb`, `10mb` or `1gb` in bytes (1 kb is 1024), and `0`; undefined for anything else. */
export const parseSize = (text: string): number | undefined =>
  text === '0' ? 0 : parse(text, bytes)

/** A whole number from 1 to `most`; undefined for anything else. */
export const parseCount = (text: string, most: number): number | undefined => {
  const count = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
  return count !== undefined && count <= most ? count : undefined
}

/** The extremes of a duration, as they are written. Without `least`, anything above zero. */
export interface DurationLimits {
  least?: string
  most: string
}

/** A duration in milliseconds; undefined also where it is out of limits. */
export const parseWithin = ({ least = '1ms', most }: DurationLimits, text: string) => {
  const value = parseDuration(text)
  const [low, high] = [parseDuration(least), parseDuration(most)]
  return value !== undefined &&
    low !== undefined &&
    high !== undefined &&
    value >= low &&
    value <= high
    ? value
    : undefined
}
