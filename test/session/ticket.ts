import { execFileSync } from 'node:child_process'
import t from 'tap'
import { createTicket, handleOf, isHandle, isTicket } from '../../src/session/ticket.ts'

t.test('a ticket is 32 random bytes in 43 characters of base64url (CK-06, CK-07)', async t => {
  const ones = new Array<number>(256).fill(0)
  const bytes = new Array<number>(256).fill(0)
  const seen = new Set<string>()
  for (let i = 0; i < 10_000; i++) {
    const ticket = createTicket()
    if (!isTicket(ticket)) t.fail(ticket)
    seen.add(ticket)
    const raw = Buffer.from(ticket, 'base64url')
    if (raw.length !== 32) t.fail(ticket)
    for (const [at, byte] of raw.entries()) {
      bytes[byte] = (bytes[byte] ?? 0) + 1
      for (let bit = 0; bit < 8; bit++) {
        ones[8 * at + bit] = (ones[8 * at + bit] ?? 0) + ((byte >> bit) & 1)
      }
    }
  }
  t.equal(seen.size, 10_000)
  // 10,000 fair coins: eight standard deviations are 400.
  t.ok(ones.every(count => Math.abs(count - 5000) < 400))
  const expected = (10_000 * 32) / 256
  const chiSquare = bytes.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  // 255 degrees of freedom: mean 255, standard deviation 22.6.
  t.ok(chiSquare < 255 + 8 * 22.6, `chi-square ${chiSquare}`)
})

t.test('whatever has another length or alphabet is no ticket (CK-12)', async t => {
  const ticket = createTicket()
  for (const value of [
    ...['', '*', '{x}', '../', '%0d%0aDEL', '\0', 'a'.repeat(42), 'a'.repeat(44), 'a'.repeat(5120)],
    ...[`${ticket}\n`, ` ${ticket}`, `"${ticket}"`, ticket.slice(1), `${ticket.slice(1)}=`],
    ...[`${ticket.slice(1)}+`, `${ticket.slice(1)}\0`, `${ticket.slice(1)}ä`],
  ]) {
    t.equal(isTicket(value), false, JSON.stringify(value.slice(0, 50)))
  }
})

t.test('a handle is what sha256sum prints for the ticket', async t => {
  const ticket = createTicket()
  const printed = execFileSync('sha256sum', { input: ticket, encoding: 'utf8' })
  t.equal(handleOf(ticket), printed.split(' ')[0])
  t.equal(isHandle(handleOf(ticket)), true)
  for (const value of ['', '*', ticket, handleOf(ticket).toUpperCase(), `${handleOf(ticket)}\n`]) {
    t.equal(isHandle(value), false, value)
  }
})
