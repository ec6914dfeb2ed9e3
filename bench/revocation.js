import { openConnection } from './connection.js'
import { logIn, startGateway } from './rows/claimcheck.js'
import { requestOf, scenarios } from './scenarios.js'
import { sessionKey } from './sessions.js'
import { quantile } from './stats.js'
import { openStream } from './stream.js'
import { table } from './table.js'

const trials = 200
const settings = [
  { count: 1, load: false },
  { count: 1, load: true },
  { count: 2, load: false },
  { count: 2, load: true },
]
const limit = 5000

const within = (promise, what) => {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${limit} ms`)), limit)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/**
 * Sends one request after the other: `warm` resolves at the first 200, `refused` when the first 401
 * has come back (performance.now()).
 */
const probe = ({ port, publicPort }, cookie) => {
  const request = requestOf(scenarios[0], publicPort, cookie)
  let warmed
  let done
  const warm = new Promise(resolve => {
    warmed = resolve
  })
  const refused = new Promise(resolve => {
    done = resolve
  })
  const connection = openConnection(port, status => {
    if (status === 200) warmed()
    if (status !== 401) return connection.send(request)
    connection.close()
    done(performance.now())
  })
  connection.send(request)
  return { warm, refused }
}

/** One session, a probe, an event stream and a WebSocket at each gateway, and a DEL by hand: milliseconds to the last of each. */
const tryOnce = async ({ redis, gateways, user }) => {
  const cookie = await logIn(gateways[0], user)
  const open = kind => Promise.all(gateways.map(gateway => openStream(gateway, cookie, kind)))
  const [events, sockets] = [await open('event stream'), await open('websocket')]
  const probes = gateways.map(gateway => probe(gateway, cookie))
  await within(Promise.all(probes.map(({ warm }) => warm)), 'warming up')

  const from = performance.now()
  const deleted = redis.client.del(sessionKey(gateways[0], cookie))
  const last = async (moments, what) =>
    Math.max(...(await within(Promise.all(moments), what))) - from
  const [refusal, event, socket] = await Promise.all([
    last(
      probes.map(({ refused }) => refused),
      'a refusal',
    ),
    last(
      events.map(({ ended }) => ended),
      'cutting an event stream',
    ),
    last(
      sockets.map(({ ended }) => ended),
      'cutting a WebSocket',
    ),
  ])
  if ((await deleted) !== 1) throw new Error('the session was not where it was expected')
  for (const { close } of [...events, ...sockets]) close()
  return { refusal, event, socket }
}

/** Half of what the gateways carry together, kept up until `stop` has been called and the job has run out. */
const halfLoad = async ({ generator, gateways, seconds }) => {
  const targets = []
  for (let i = 0; i < 16; i++) {
    for (const gateway of gateways) {
      const cookie = await logIn(gateway, `loader-${i}`)
      const request = requestOf(scenarios[0], gateway.publicPort, cookie)
      targets.push({ port: gateway.port, request })
    }
  }
  const job = { targets, connections: 64, warm: 1, roots: {} }
  const { counted, elapsed } = await generator.run({ ...job, seconds: 2 })
  const rate = counted / elapsed / 2
  let over = false
  const running = generator.run({ ...job, seconds, rate }).finally(() => {
    over = true
  })
  return { rate, running, over: () => over }
}

const measureSetting = async (context, { count, load }) => {
  context.say(`deletes: ${count} gateway(s), ${load ? 'half load' : 'idle'}`)
  const first = await startGateway(context)
  const { prefix, publicPort } = first
  const gateways = [first]
  while (gateways.length < count) {
    gateways.push(await startGateway(context, { prefix, publicPort }))
  }
  const { redis, generator } = context
  const busy = load ? await halfLoad({ generator, gateways, seconds: 20 }) : undefined
  const found = []
  for (let i = 0; i < trials && busy?.over() !== true; i++) {
    found.push(await tryOnce({ redis, gateways, user: `person-${i}` }))
  }
  await busy?.running
  for (const gateway of gateways) await gateway.stop()
  const cells = ['refusal', 'event', 'socket'].flatMap(name => {
    const times = found.map(times => times[name])
    return [quantile(times, 0.5).toFixed(2), quantile(times, 0.99).toFixed(2)]
  })
  const what = load ? `${Math.round(busy.rate)} requests/s` : 'idle'
  return [`${count} gateway${count > 1 ? 's' : ''}, ${what}`, ...cells, found.length]
}

/** Time from a `DEL` by hand to its effect: Markdown. */
export const measureRevocation = async context => {
  const lines = []
  for (const setting of settings) lines.push(await measureSetting(context, setting))
  const head = ['', 'refusal', 'p99', 'event stream', 'p99', 'WebSocket', 'p99', 'deletes']
  return `${table([head, ...lines])}

Milliseconds, median and 99th percentile, from before a \`DEL\` of the session key is sent to Redis until the last gateway has refused a request (requests follow one another, and the answer’s way back is included), and until the last event stream and WebSocket of that session is cut. Half load is half of what the gateways carried together just before, paced.`
}
