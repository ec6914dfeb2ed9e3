import { randomBytes } from 'node:crypto'
import { createToken } from '../token.js'
import { startServer } from './node-server.js'

export const httpProxy = {
  id: 'http-proxy',
  title: '@fastify/http-proxy + GET',
  peer: true,
  how: '@fastify/http-proxy with @fastify/cookie and one ioredis GET a request: automatic pipelining on, undici pool of 256 keep-alive connections, no log. The session is JSON in clear, and its lifetime is not extended.',
  start: async ({ lab, upstream, redis, sessions }) => {
    const server = await startServer(lab, 'http-proxy', upstream.url, redis.port)
    const cookies = []
    for (let i = 0; i < sessions; i++) {
      const id = randomBytes(32).toString('base64url')
      const session = JSON.stringify({ sub: `user-${i}`, token: createToken(`user-${i}`) })
      await redis.client.set(`proxy:${id}`, session, 'EX', 3600)
      cookies.push(`sid=${id}`)
    }
    return { ...server, cookies }
  },
}
