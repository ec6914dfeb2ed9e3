import t from 'tap'
import { createKeys } from '../../src/session/keys.ts'
import { pack, unpack } from '../../src/session/pack.ts'
import { encodeRecord, type Meta, parseRecord } from '../../src/session/record.ts'
import { createSealer } from '../../src/session/seal.ts'
import { createTicket, handleOf } from '../../src/session/ticket.ts'
import { prefix, tokenOf } from '../fixtures/sessions.ts'

const parts = { keys: createKeys(prefix), sealer: createSealer([]) }
const ticket = createTicket()
const meta: Meta = { v: 1, provider: 'oidc', iss: 'i', sub: 'alice', created: 1, expires: 2 }
const tokens = { accessToken: tokenOf('alice'), refreshToken: 'refresh', claims: { sub: 'alice' } }
const value = pack(parts, ticket, meta, tokens)

t.test('a record opens with its ticket and shows no token without it (TK-03)', async t => {
  t.strictSame(unpack(parts, ticket, value), { meta, tokens })
  t.equal(unpack(parts, createTicket(), value), undefined)
  for (const secret of [...tokens.accessToken.split('.'), tokens.refreshToken, ticket]) {
    t.notOk(value.includes(secret))
  }
  t.notOk(value.includes(handleOf(ticket)))
})

t.test('one flipped bit anywhere makes it no session', async t => {
  const line = value.indexOf('\n')
  for (let bit = 0; bit < 8 * value.length; bit++) {
    const flipped = Buffer.from(value)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (unpack(parts, ticket, flipped) !== undefined) t.fail(`bit ${bit}, line ends at ${line}`)
  }
})

t.test('an edited line that says the same is no session', async t => {
  const record = parseRecord(value)
  if (record === undefined) throw new Error('no record')
  for (const edit of [
    record.clearLine.toString().replace('"v":1', '"v": 1'),
    record.clearLine.toString().replace('"expires":2', '"expires":9'),
    record.clearLine.toString().replace('alice', 'bob'),
    record.clearLine.toString().replace('"v":1', '"v":999'),
  ]) {
    t.equal(unpack(parts, ticket, encodeRecord(Buffer.from(edit), record.sealed)), undefined, edit)
  }
})

t.test('what is cut short, foreign or huge is no session', async t => {
  for (let length = 0; length < value.length; length++) {
    if (unpack(parts, ticket, value.subarray(0, length)) !== undefined) t.fail(`length ${length}`)
  }
  for (const other of ['', '\n', 'x', '{}\n', `${'x'.repeat(100)}\n`, value.toString('utf8')]) {
    t.equal(unpack(parts, ticket, Buffer.from(other)), undefined)
  }
  t.equal(unpack(parts, ticket, Buffer.alloc(10_000_000)), undefined)
  t.equal(unpack(parts, ticket, Buffer.concat([value, Buffer.alloc(10_000_000)])), undefined)
})

t.test('sealed bytes that hold no tokens are no session', async t => {
  const { clearLine } = parseRecord(value) ?? {}
  if (clearLine === undefined) throw new Error('no record')
  const key = parts.keys.session(handleOf(ticket))
  for (const plain of ['', 'null', '{}', '{"accessToken":"a"}', '\xff']) {
    const sealed = parts.sealer.seal(ticket, key, clearLine, Buffer.from(plain, 'latin1'))
    t.equal(unpack(parts, ticket, encodeRecord(clearLine, sealed)), undefined, plain)
  }
})
