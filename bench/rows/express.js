import { cookiesOf, exchange } from '../http.js'
import { startServer } from './node-server.js'

export const express = {
  id: 'express',
  title: 'Express stack',
  peer: true,
  how: 'Express 5, express-session with connect-redis and node-redis, http-proxy-middleware with a keep-alive agent of 256 sockets; `resave` and `saveUninitialized` off, no log. Each request reads the session and extends its lifetime, which is how this stack has an idle timeout.',
  start: async ({ lab, upstream, redis, sessions }) => {
    const server = await startServer(lab, 'express', upstream.url, redis.port)
    const cookies = []
    for (let i = 0; i < sessions; i++) {
      cookies.push(...cookiesOf(await exchange(server.port, { method: 'POST', path: '/login' })))
    }
    return { ...server, cookies }
  },
}
