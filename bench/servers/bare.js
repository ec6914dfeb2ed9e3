// FROZEN: the yardstick. Changing this file makes earlier results incomparable.
// Fastify with a hijacked reply and undici's dispatch, its raw handler methods: the cheapest way to
// pass a request through on Node. No session, no check, a constant bearer.
import { createRequire } from 'node:module'

// The product's own versions, not those that the peers bring.
const require = createRequire(new URL('../../package.json', import.meta.url))
const { fastify } = require('fastify')
const { Pool } = require('undici')

const [port, upstream, token] = process.argv.slice(2)
const bearer = `Bearer ${token}`
const pool = new Pool(upstream, { connections: 256, pipelining: 1 })
const dropped = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding', 'cookie'])

const requestHeaders = raw => {
  const headers = []
  for (let i = 0; i < raw.length; i += 2) {
    if (!dropped.has(raw[i].toLowerCase())) headers.push(raw[i], raw[i + 1])
  }
  headers.push('authorization', bearer)
  return headers
}

const answerHeaders = raw => {
  const headers = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i].latin1Slice()
    if (!dropped.has(name.toLowerCase())) headers.push(name, raw[i + 1].latin1Slice())
  }
  return headers
}

const forward = (request, reply) => {
  reply.hijack()
  const req = request.raw
  const res = reply.raw
  const hasBody = req.method !== 'GET' && req.method !== 'HEAD'
  let abort
  let resume
  res.on('close', () => {
    if (!res.writableFinished) abort?.(new Error('the client went away'))
  })
  const drained = () => resume()
  pool.dispatch(
    {
      path: req.url,
      method: req.method,
      headers: requestHeaders(req.rawHeaders),
      body: hasBody ? req : null,
    },
    {
      onConnect: stop => {
        abort = stop
      },
      onHeaders: (status, raw, proceed) => {
        resume = proceed
        res.writeHead(status, answerHeaders(raw))
        return true
      },
      onData: chunk => {
        if (res.write(chunk)) return true
        res.once('drain', drained)
        return false
      },
      onComplete: () => res.end(),
      onError: () => {
        if (!res.headersSent) res.writeHead(502)
        res.end()
      },
    },
  )
}

const app = fastify({ logger: false, keepAliveTimeout: 120_000 })
app.addHook('onRequest', (request, reply, _done) => forward(request, reply))
app.all('/*', () => undefined)
process.on('disconnect', () => process.exit())
await app.listen({ port: Number(port), host: '127.0.0.1' })
