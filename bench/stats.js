/** The value below which the share `q` of the numbers lies, interpolated; NaN of nothing. */
export const quantile = (numbers, q) => {
  const sorted = Float64Array.from(numbers).sort()
  const at = (sorted.length - 1) * q
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

export const median = numbers => quantile(numbers, 0.5)

/** The same numbers in an order that changes with `turn`, so that no row always follows the same one. */
export const rotate = (list, turn) => {
  const at = turn % list.length
  const turned = [...list.slice(at), ...list.slice(0, at)]
  return Math.floor(turn / list.length) % 2 === 0 ? turned : turned.reverse()
}
