import type { IncomingMessage } from 'node:http'
import t from 'tap'
import {
  auditOf,
  type Context,
  contextOf,
  createRequestId,
  keepContext,
} from '../../src/http/context.ts'

t.test('request ids are unique and safe anywhere', async t => {
  const ids = Array.from({ length: 1000 }, createRequestId)
  t.equal(new Set(ids).size, 1000)
  for (const id of ids) t.match(id, /^[\w-]+$/)
})

t.test('a context is found again by its request, and by no other', async t => {
  const context = { req: {} as IncomingMessage } as Context
  keepContext(context)
  t.equal(contextOf(context.req), context)
  t.throws(() => contextOf({} as IncomingMessage), /beside the pipeline/)
})

t.test(
  'the audit log names the request, its client, and its session where there is one',
  async t => {
    const context = { id: 'r-1', forwarding: { client: '10.0.0.1' } } as Context
    t.strictSame(auditOf(context), { id: 'r-1', client: '10.0.0.1' })
    t.strictSame(auditOf({ ...context, handle: 'h' }), {
      id: 'r-1',
      client: '10.0.0.1',
      handle: 'h',
    })
  },
)
