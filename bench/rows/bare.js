import { createToken } from '../token.js'
import { startServer } from './node-server.js'

const bare = letter => ({
  id: `bare-${letter}`,
  title: `bare pass-through (${letter.toUpperCase()})`,
  how: 'Fastify with a hijacked reply and undici’s `dispatch` (256 connections at most): no session, no check, no log, a constant bearer of the same length. The same file twice: what differs between A and B is noise.',
  start: async ({ lab, upstream }) => ({
    ...(await startServer(lab, 'bare', upstream.url, createToken('bare'))),
    cookies: [],
  }),
})

export const bareA = bare('a')
export const bareB = bare('b')
