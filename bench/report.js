import { judge, noise, ratio, summary, tolerance } from './judge.js'
import { scenarios } from './scenarios.js'
import { table } from './table.js'

const fixed = (number, digits) =>
  number === undefined || Number.isNaN(number) ? '–' : number.toFixed(digits)
const percent = share => (share === undefined ? '–' : `${(share * 100).toFixed(1)} %`)

const head = [
  'row',
  'gateway µs',
  'Redis µs',
  '× bare',
  'quartiles',
  'Redis commands',
  'requests/s',
  'p50 ms',
  'p99 ms',
]

const rowTable = (rows, of) =>
  table([
    head,
    ...rows.map(({ id, title }) => {
      const { cpu, redisCpu, commands, throughput, p50, p99 } = summary(of[id])
      const times = id === 'direct' ? undefined : ratio(of, id, 'bare')
      return [
        title,
        fixed(cpu, 1),
        fixed(redisCpu, 1),
        fixed(times?.median, 2),
        times === undefined ? '–' : `${fixed(times.low, 2)}–${fixed(times.high, 2)}`,
        fixed(commands, 2),
        fixed(throughput, 0),
        fixed(p50, 2),
        fixed(p99, 2),
      ]
    }),
  ])

const aaLine = of => {
  const apart = noise(of)
  if (apart === undefined) return 'A/A: not measured, hence inconclusive.'
  const word = apart <= tolerance ? 'conclusive' : '**inconclusive**'
  return `A/A: the two bare rows differ by ${percent(apart)}: ${word}.`
}

const verdictTable = lines =>
  table([
    ['what', 'found', 'limit', 'goal', 'verdict'],
    ...lines.map(({ what, found, limit, goal, verdict }) => [
      what,
      fixed(found, 2),
      `≤ ${limit}`,
      goal === undefined ? '' : `≤ ${goal}`,
      verdict,
    ]),
  ])

const requestParts = ({ rows, samples, memory, rounds, seconds }) => {
  const { conclusive, lines } = judge(samples['1k'])
  const parts = [
    '## CPU time per request\n\n![CPU time per request, and latency](results.svg)',
    conclusive
      ? 'This run is conclusive.'
      : `This run is **inconclusive**: at 1 KB the two bare rows are more than ${percent(tolerance)} apart, or one is missing.`,
    verdictTable(lines),
  ]
  for (const { id, title } of scenarios) {
    parts.push(`### ${title}\n\n${aaLine(samples[id])}\n\n${rowTable(rows, samples[id])}`)
  }
  const used = rows.map(({ id, title }) => [title, fixed(memory[id] / 2 ** 20, 0)])
  parts.push(`### Memory after the run\n\n${table([['row', 'MB'], ...used])}`)
  parts.push(`## How it is measured

- Gateway, upstream, load generator and Redis are processes of one machine and speak over its loopback. All rows run in one go and stay up; one at a time is under load. Each of ${rounds} rounds measures every row for ${seconds} s (after 0.3 s that are not counted) in an order that changes with the round. Figures are medians of the rounds; “× bare” is the median of the ratios taken within each round, Redis included.
- CPU time is user and system time of the gateway’s whole process tree, and of Redis, read from the operating system by the load generator at both ends of the window that it counts in.
- The load: 64 keep-alive connections, each with a session of its own and one request at a time, with the headers of a browser’s \`fetch\`; the generator reads every answer to its end. One answer that is not a 200 fails the run. Before the load, each row is asked what the upstream received: without a bearer there, or with an answer to a request without a session, there is no row.
- Latency is that of a saturated gateway (64 requests are always under way), so it follows throughput.
- Redis keeps nothing on disk in this run. Log output goes to a file where a row logs.`)
  return parts
}

const configured = ({ rows, skipped }) => [
  `## The rows\n\n${rows.map(({ id, title, how }) => `- **${title}** (\`${id}\`). ${how}`).join('\n')}`,
  ...skipped.map(reason => `Left out: ${reason}.`),
]

const sections = ({ revocation, scale }) => [
  ...(revocation === undefined ? [] : [`## From a delete to its effect\n\n${revocation}`]),
  ...(scale === undefined ? [] : [`## Memory and size\n\n${scale}`]),
]

/** The whole of `results.md`. */
export const writePage = results => {
  const { machine, samples } = results
  const parts = [
    '# Results of `npm run bench`',
    `Written by the benchmark on ${machine.date}: do not edit. Absolute figures belong to the machine they were taken on; ratios within one run travel better.`,
    `Machine: ${machine.hardware}. Versions: ${machine.versions}.`,
    ...(samples === undefined ? [] : requestParts(results)),
    ...sections(results),
    ...(samples === undefined ? [] : configured(results)),
  ]
  return `${parts.join('\n\n')}\n`
}

/** The tables, to standard output. */
export const printResults = results => {
  const print = text => process.stdout.write(`${text}\n\n`)
  if (results.samples !== undefined) {
    for (const { id, title } of scenarios) {
      const of = results.samples[id]
      print(`${title}. ${aaLine(of)}\n${rowTable(results.rows, of)}`)
    }
    print(verdictTable(judge(results.samples['1k']).lines))
  }
  for (const section of sections(results)) print(section)
}
