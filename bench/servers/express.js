// What a team writes on Express today.
import { Agent } from 'node:http'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { createClient } from 'redis'
import { createToken } from '../token.js'

const [port, upstream, redisPort] = process.argv.slice(2)
const client = createClient({ url: `redis://127.0.0.1:${redisPort}` })
await client.connect()

const app = express()
app.disable('x-powered-by')
app.use(
  session({
    name: 'sid',
    secret: 'the benchmark signs its cookies with this',
    store: new RedisStore({ client, prefix: 'express:' }),
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 30 * 60_000, sameSite: 'strict' },
  }),
)
app.post('/login', (req, res) => {
  req.session.token = createToken('express')
  res.end()
})
app.use((req, res, next) => {
  if (req.session.token === undefined) return res.status(401).end()
  next()
})
app.use(
  createProxyMiddleware({
    target: upstream,
    agent: new Agent({ keepAlive: true, maxSockets: 256 }),
    on: {
      proxyReq: (out, req) => out.setHeader('authorization', `Bearer ${req.session.token}`),
    },
  }),
)
const server = app.listen(Number(port), '127.0.0.1')
server.keepAliveTimeout = 120_000
process.on('disconnect', () => process.exit())
