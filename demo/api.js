// A small API as it exists before claimcheck: it checks a password, answers with a JWT, and expects a
// JWT as bearer token: its own or, where it was told of one, an OpenID provider's. It knows nothing of
// the gateway in front of it.
//
//   JWT_SECRET=… [PROVIDER=http://…] [HOST=127.0.0.1] [PORT=0] node demo/api.js
//
// Prints one JSON line with its port, then one a request.

import { createSecretKey, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { isPassword, nameOf } from './people.js'
import { acceptSocket } from './socket.js'
import { read, say } from './words.js'

const { JWT_SECRET = '', PROVIDER, HOST = '127.0.0.1', PORT = '0' } = process.env
const secret = createSecretKey(Buffer.from(JWT_SECRET))
const keys = PROVIDER === undefined ? undefined : createRemoteJWKSet(new URL(`${PROVIDER}/jwks`))
const orders = { alice: ['1 looking glass', '2 tea cups'], bob: ['1 hammer'] }

const answer = (res, status, body) => {
  const text = JSON.stringify(body)
  res.writeHead(status, { 'content-type': 'application/json' }).end(text)
}

const login = async (req, res) => {
  const { user, password } = JSON.parse(await read(req))
  if (!isPassword(user, password)) return answer(res, 401, { error: 'wrong name or password' })
  const token = await new SignJWT({ name: nameOf(user), jti: randomUUID() })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('demo-api')
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime('15m')
    .sign(secret)
  say({ event: 'issued', user, token })
  answer(res, 200, { access_token: token, token_type: 'Bearer', user: { name: user } })
}

const verify = token =>
  keys !== undefined && decodeProtectedHeader(token).alg === 'RS256'
    ? jwtVerify(token, keys, { issuer: PROVIDER, audience: 'urn:demo:api', algorithms: ['RS256'] })
    : jwtVerify(token, secret, { issuer: 'demo-api', algorithms: ['HS256'] })

/** The caller by bearer token, or undefined. */
const caller = async req => {
  const { authorization, cookie } = req.headers
  say({ event: 'request', method: req.method, url: req.url, authorization, cookie })
  const [, token = ''] = /^Bearer (.+)$/.exec(authorization ?? '') ?? []
  try {
    return (await verify(token)).payload
  } catch {
    return undefined
  }
}

const ticking = send => {
  let n = 0
  const timer = setInterval(() => send(`tick ${++n}`), 1000)
  send('open')
  return () => clearInterval(timer)
}

const server = createServer(async (req, res) => {
  try {
    const payload = await caller(req)
    if (req.method === 'POST' && req.url === '/api/login') return await login(req, res)
    if (payload === undefined) return answer(res, 401, { error: 'a bearer token is needed' })
    if (req.url === '/api/orders') return answer(res, 200, { orders: orders[payload.sub] })
    if (req.url !== '/api/events') return answer(res, 404, { error: 'no such thing' })
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.on(
      'close',
      ticking(text => res.write(`data: ${text}\n\n`)),
    )
  } catch {
    answer(res, 400, { error: 'that was not understood' })
  }
})

server.on('upgrade', async (req, socket) => {
  const payload = await caller(req)
  if (payload === undefined || req.url !== '/api/live') {
    return socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  }
  const stop = ticking(acceptSocket(req, socket, () => stop()))
})

server.listen(Number(PORT), HOST, () => say({ event: 'listening', port: server.address().port }))
