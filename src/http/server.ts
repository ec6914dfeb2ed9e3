import {
  createServer as createHttpServer,
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type FastifyInstance, fastify } from 'fastify'
import { hasBody } from '../proxy/request-body.ts'
import { closeListener } from './close-listener.ts'
import { createConnections, type Drain } from './connections.ts'
import { linger } from './linger.ts'
import { listen } from './listen.ts'
import { refuseRaw } from './refuse-raw.ts'
import { createSlowClients, usualPatience } from './slow-clients.ts'

/** How long an idle connection is kept, in ms: longer than load balancers keep theirs, so that they close first. */
const keepAliveTimeout = 75_000

/** Requests that a connection may have sent ahead; one with more is closed, because they fill the memory. */
const mostQueued = 100

/** Who answers: what one config made of the gateway, exchanged as a whole by a reload. */
export interface Entry {
  handle(req: IncomingMessage, res: ServerResponse): void
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
}

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[]

/**
 * The public server. `entry` is asked anew for each request. While it drains, each answer is the last
 * one of its connection, and says so (RFC 9112 section 9.6).
 */
export const createServer = (entry: () => Entry, patience = usualPatience) => {
  let draining = false
  class Answer extends ServerResponse {
    override writeHead(status: number, reason?: string | Headers, headers?: Headers): this {
      if (draining) this.shouldKeepAlive = false
      return typeof reason === 'string'
        ? super.writeHead(status, reason, headers)
        : super.writeHead(status, reason)
    }
  }
  /** How many requests of a connection wait for the answer to one before them. */
  const queued = new WeakMap<Socket, number>()
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    const before = connections.last(req.socket)
    connections.asked(req.socket, res)
    if (before === undefined || before.closed) return begin(req, res)
    // Sent before the last answer was there. What it asks for may depend on that, and on its order (RFC 9112 section 9.3.2).
    const { socket } = req
    const waiting = (queued.get(socket) ?? 0) + 1
    if (waiting > mostQueued) return void socket.destroy()
    queued.set(socket, waiting)
    before.once('close', () => {
      queued.set(socket, (queued.get(socket) ?? 0) - 1)
      if (!socket.destroyed) begin(req, res)
    })
  }
  const begin = (req: IncomingMessage, res: ServerResponse): void => {
    if (hasBody(req)) slow.receiving(req)
    entry().handle(req, res)
  }
  const server = createHttpServer(
    {
      ...{ keepAliveTimeout, requestTimeout: 0, maxHeaderSize: 16 * 1024 },
      headersTimeout: patience.headers,
      connectionsCheckingInterval: patience.headers / 3,
      // What comes through this parser is sent on as it is, whatever options Node was started with.
      insecureHTTPParser: false,
      // A doubled Host must not read as one; the check of framing sees to both.
      ...{ joinDuplicateHeaders: true, requireHostHeader: false },
      ServerResponse: Answer,
    },
    handle,
  )
  // Node would leave out what comes after the 1,000th, and nobody would know (CVE-2024-37890).
  server.maxHeadersCount = 0
  const connections = createConnections(server)
  const slow = createSlowClients(patience)
  server.on('connection', slow.connected)
  server.on('connection', socket => {
    const close = socket.destroySoon.bind(socket)
    // How Node ends a connection after its last answer.
    socket.destroySoon = () =>
      connections.last(socket)?.req.complete === false ? linger(socket) : close()
  })
  server.on('close', slow.close)
  // Without a listener Node would answer 100 Continue before the guard has decided.
  server.on('checkContinue', handle)
  // An expectation that nobody knows is none (RFC 9110 section 10.1.1).
  server.on('checkExpectation', handle)
  server.on('upgrade', (req, socket, head) => {
    connections.asked(socket, 'taken')
    entry().upgrade(req, socket, head)
  })
  const refuse = (error: Error, socket: Duplex): void =>
    refuseRaw(error, socket, connections.last(socket))
  server.on('connect', (_req, socket) => refuse(new Error('CONNECT'), socket))
  server.on('clientError', refuse)
  return {
    listen: (address: string): Promise<string> => listen(server, address),
    /** In place of listening: gives the function that takes the connections which another process accepted. */
    adopting: (): ((socket: Socket) => void) => {
      // On this event Node begins to see to headersTimeout.
      server.emit('listening')
      return socket => {
        // As an HTTP server makes its own.
        socket.allowHalfOpen = true
        socket.setNoDelay(true)
        server.emit('connection', socket)
      }
    },
    drain: async (how: Drain): Promise<void> => {
      // Until then answers keep their connections, or those who lose theirs would be back at once.
      await closeListener(server)
      draining = true
      return connections.drain(how)
    },
  }
}

/**
 * The Fastify instance for our own endpoints. It never listens: the pipeline hands it the requests for
 * them, so that none of its parsing or routing lies on the way of a proxied request.
 */
export const createEndpointsApp = (): FastifyInstance =>
  fastify({ logger: false, bodyLimit: 64 * 1024 })
