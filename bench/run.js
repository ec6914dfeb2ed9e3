// `npm run bench`: everything in one go, on one machine. `--help` says what can be chosen.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const help = `npm run bench -- [options]

  --rounds N     rounds for each kind of request (7)
  --seconds N    counted seconds of each row in a round (2)
  --rows a,b     only these rows, by the names that the results page lists
  --parts a,b    of requests, revocation, scale (all)
  --long         also a million sessions and three million requests
  --out FOLDER   where results.md and results.svg go (bench/)
`
const here = fileURLToPath(new URL('.', import.meta.url))
const parts = ['requests', 'revocation', 'scale']

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    rows: { type: 'string' },
    parts: { type: 'string', default: parts.join() },
    long: { type: 'boolean', default: false },
    out: { type: 'string', default: here },
    help: { type: 'boolean', default: false },
  },
})

const positive = name => {
  const number = Number(values[name])
  if (number > 0) return number
  throw new Error(`--${name} must be a positive number, not ${values[name]}`)
}

/** What people use instead is installed when it is first needed, and never with the product. */
const installPeers = () => {
  if (existsSync(new URL('./node_modules/ioredis/package.json', import.meta.url))) return
  process.stderr.write('installing the peers into bench/node_modules\n')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new Error('the peers could not be installed')
}

if (values.help) {
  process.stdout.write(help)
} else {
  installPeers()
  const { bench } = await import('./bench.js')
  await bench({
    rounds: positive('rounds'),
    seconds: positive('seconds'),
    rows: values.rows?.split(','),
    parts: values.parts.split(','),
    long: values.long,
    out: values.out,
  })
  process.exit()
}
