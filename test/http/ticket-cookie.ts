import t from 'tap'
import { createLoginCookie, createTicketCookie } from '../../src/http/ticket-cookie.ts'

t.test(
  'the session cookie, and its end with the same attributes (CK-01 to CK-04, CK-09, CK-13)',
  async t => {
    const cookie = createTicketCookie('__Host-Http-session', 'strict')
    t.equal(cookie.name, '__Host-Http-session')
    t.equal(cookie.set('abc'), '__Host-Http-session=abc; Path=/; HttpOnly; Secure; SameSite=Strict')
    t.equal(
      cookie.clear(),
      '__Host-Http-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict',
    )
    t.match(createTicketCookie('x', 'lax').set('abc'), /SameSite=Lax$/)
  },
)

t.test('the login cookie survives the way back from the provider, and ten minutes', async t => {
  t.equal(
    createLoginCookie().set('v'),
    '__Host-Http-login=v; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax',
  )
})
