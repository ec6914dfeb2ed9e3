// What a team writes on Fastify today: a cookie, one GET, the token into the proxied request.
import cookie from '@fastify/cookie'
import proxy from '@fastify/http-proxy'
import { fastify } from 'fastify'
import { Redis } from 'ioredis'

const [port, upstream, redisPort] = process.argv.slice(2)
const redis = new Redis(Number(redisPort), '127.0.0.1', { enableAutoPipelining: true })

const app = fastify({ logger: false, keepAliveTimeout: 120_000 })
app.decorateRequest('bearer', '')
app.register(cookie)
app.register(proxy, {
  upstream,
  undici: { connections: 256, pipelining: 1 },
  preHandler: async (request, reply) => {
    const id = request.cookies.sid
    const session = id === undefined ? null : await redis.get(`proxy:${id}`)
    if (session === null) return reply.code(401).send()
    request.bearer = `Bearer ${JSON.parse(session).token}`
  },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => ({ ...headers, authorization: request.bearer }),
  },
})
process.on('disconnect', () => process.exit())
await app.listen({ port: Number(port), host: '127.0.0.1' })
