import { median, quantile } from './stats.js'

/** The two bare rows may differ by so much; more, and the machine was too noisy for a verdict. */
export const tolerance = 0.03

/** What the product is held to: `row` costs at most `limit` times what `against` does. */
const limits = [
  { row: 'claimcheck', against: 'bare', limit: 1.25, goal: 1.15 },
  { row: 'shipped', against: 'bare', limit: 1.4, goal: 1.25 },
  { row: 'claimcheck', against: 'http-proxy', limit: 0.6 },
  { row: 'claimcheck', against: 'express', limit: 0.15 },
  { row: 'claimcheck', against: 'apache', limit: 0.25 },
]
const mostCommands = 0.01

const total = ({ cpu, redisCpu }) => cpu + redisCpu

/** CPU of the gateway and Redis, round by round; `bare` is the mean of its two rows. */
const costs = (of, id) => {
  if (id !== 'bare') return of[id]?.map(total)
  const [a, b] = [of['bare-a'], of['bare-b']]
  if (a === undefined || b === undefined) return (a ?? b)?.map(total)
  return a.map((sample, round) => (total(sample) + total(b[round])) / 2)
}

/**
 * How many times the CPU of `against` one row takes: median and quartiles of the rounds, each round's
 * ratio within itself; undefined where a row was not measured.
 */
export const ratio = (of, row, against) => {
  const [ours, theirs] = [costs(of, row), costs(of, against)]
  if (ours === undefined || theirs === undefined) return undefined
  const ratios = ours.map((cost, round) => cost / theirs[round])
  return { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) }
}

/** How far the two bare rows are apart, as a share; undefined where they were not both measured. */
export const noise = of => {
  const twice = ratio(of, 'bare-b', 'bare-a')
  return twice === undefined ? undefined : Math.abs(twice.median - 1)
}

/** Medians of one row's samples. */
export const summary = samples =>
  Object.fromEntries(
    Object.keys(samples[0]).map(name => [name, median(samples.map(sample => sample[name]))]),
  )

/** What is held against the figures of 1 KB: lines of `{ what, found, limit, goal, verdict }`. */
export const judge = of => {
  const apart = noise(of)
  const conclusive = apart !== undefined && apart <= tolerance
  const verdict = (found, limit) =>
    !conclusive ? 'inconclusive' : found <= limit ? 'holds' : 'missed'
  const lines = limits.flatMap(({ row, against, limit, goal }) => {
    const found = ratio(of, row, against)?.median
    if (found === undefined) return []
    return { what: `${row} / ${against}`, found, limit, goal, verdict: verdict(found, limit) }
  })
  if (of.claimcheck !== undefined) {
    const found = summary(of.claimcheck).commands
    lines.push({
      what: 'Redis commands per warm request',
      found,
      limit: mostCommands,
      verdict: found <= mostCommands ? 'holds' : 'missed',
    })
  }
  return { conclusive, noise: apart, lines }
}
