import { createCipheriv, hkdfSync } from 'node:crypto'
import t from 'tap'
import { createSealer } from '../../src/session/seal.ts'
import { createTicket } from '../../src/session/ticket.ts'

const ticket = createTicket()
const key = 'claimcheck:session:ab12'
const line = Buffer.from('{"v":1}')
const plain = Buffer.from('the tokens, ä')

t.test('what was sealed opens with the same ticket, key name and clear line', async t => {
  const sealer = createSealer([])
  const sealed = sealer.seal(ticket, key, line, plain)
  t.same(sealer.open(ticket, key, line, sealed), plain)
  t.equal(sealer.open(createTicket(), key, line, sealed), undefined)
  t.equal(sealer.open(ticket, `${key}3`, line, sealed), undefined)
  t.equal(sealer.open(ticket, key, Buffer.from('{"v":2}'), sealed), undefined)
  t.equal(sealer.open(ticket, `${key}\0`, line, sealed), undefined)
  t.same(
    sealer.open(ticket, key, line, sealer.seal(ticket, key, line, Buffer.alloc(0))),
    Buffer.alloc(0),
  )
})

t.test('no bit of it can be changed', async t => {
  const sealer = createSealer([])
  const sealed = sealer.seal(ticket, key, line, plain)
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const flipped = Buffer.from(sealed)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (sealer.open(ticket, key, line, flipped) !== undefined) t.fail(`bit ${bit}`)
  }
  for (let length = 0; length < sealed.length; length++) {
    if (sealer.open(ticket, key, line, sealed.subarray(0, length)) !== undefined) {
      t.fail(`length ${length}`)
    }
  }
})

t.test('equal texts are sealed differently each time (SL-13)', async t => {
  const sealer = createSealer([])
  const nonces = new Set<string>()
  for (let i = 0; i < 100; i++) {
    nonces.add(sealer.seal(ticket, key, line, plain).subarray(0, 12).toString('hex'))
  }
  t.equal(nonces.size, 100)
})

t.test('the first secret seals and every secret opens (SL-13)', async t => {
  const before = createSealer(['old'])
  const during = createSealer(['new', 'old'])
  const after = createSealer(['new'])
  const old = before.seal(ticket, key, line, plain)
  const fresh = during.seal(ticket, key, line, plain)
  t.same(during.open(ticket, key, line, old), plain)
  t.same(after.open(ticket, key, line, fresh), plain)
  t.equal(before.open(ticket, key, line, fresh), undefined)
  t.equal(after.open(ticket, key, line, old), undefined)
})

t.test('once there is a secret, what was sealed without one does not open', async t => {
  const sealed = createSealer([]).seal(ticket, key, line, plain)
  t.equal(createSealer(['secret']).open(ticket, key, line, sealed), undefined)
})

t.test('what was sealed for one purpose does not open for another', async t => {
  const sealed = createSealer([], 'login').seal(ticket, key, line, plain)
  t.equal(createSealer([]).open(ticket, key, line, sealed), undefined)
  t.same(createSealer([], 'login').open(ticket, key, line, sealed), plain)
})

t.test('the layout is nonce, tag, ciphertext under HKDF-SHA-256 and AES-256-GCM', async t => {
  const derived = hkdfSync('sha256', Buffer.from(ticket, 'ascii'), 's', 'claimcheck session v1', 32)
  const nonce = Buffer.alloc(12, 7)
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(derived), nonce)
  cipher.setAAD(Buffer.from(`${key}\0${line}`))
  const text = Buffer.concat([cipher.update(plain), cipher.final()])
  const sealed = Buffer.concat([nonce, cipher.getAuthTag(), text])
  t.same(createSealer(['s']).open(ticket, key, line, sealed), plain)
})
