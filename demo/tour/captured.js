// The first way in: the API's own login, from whose answer the gateway cuts the token.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'undici'
import { createBrowser } from './browser.js'
import { handleOf, short } from './walk.js'

const passwords = { alice: 'wonderland', bob: 'builder' }

export const tourOfCapture = async ({ url, api }, walk) => {
  const { print, title, redis, atApi, dead, withoutToken } = walk

  const login = async user => {
    const browser = createBrowser(url)
    const answer = await browser.ask('POST', '/api/login', { user, password: passwords[user] })
    assert.equal(answer.status, 200)
    const issued = api.lines.findLast(line => line.event === 'issued')
    return { browser, answer, token: issued.token, handle: handleOf(browser.ticket()) }
  }

  title('Alice logs in with the API as it is: POST /api/login')
  const alice = await login('alice')
  print(`   The API issued a JWT:      ${short(alice.token)}`)
  print(`   The browser got this body: ${alice.answer.text}`)
  print(`   and this cookie:           ${alice.answer.set}`)
  withoutToken(alice.browser, alice.token)
  assert.match(
    String(alice.answer.set),
    /^__Host-Http-session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )

  title('She calls the API with that cookie: GET /api/orders')
  const orders = await alice.browser.ask('GET', '/api/orders')
  const received = atApi().at(-1)
  print(`   ${orders.status} ${orders.text}`)
  print(`   The API received: Authorization: ${short(received.authorization)}`)
  print(`   and as cookie:    ${received.cookie ?? '(none)'}`)
  assert.equal(orders.status, 200)
  assert.equal(received.authorization, `Bearer ${alice.token}`)
  assert.equal(received.cookie, undefined)

  title('What the page may know of the session: GET /auth/session')
  const session = await alice.browser.ask('GET', '/auth/session')
  print(`   ${session.status} ${session.text}`)
  assert.equal(JSON.parse(session.text).user.sub, 'alice')

  title('What Redis holds: a line in clear, then sealed bytes')
  const record = await redis('GET', `claimcheck:session:${alice.handle}`)
  assert.equal(JSON.parse(record.split('\n')[0]).sub, 'alice')
  for (const part of alice.token.split('.')) assert.ok(!record.includes(part), 'sealed')
  assert.ok(!record.includes(alice.browser.ticket()), 'the ticket is nowhere in Redis')

  title('Another site cannot use her cookie')
  const forged = await fetch(`${url}/api/orders`, {
    method: 'POST',
    headers: { origin: 'https://evil.example', cookie: alice.browser.cookieFor() },
  })
  print(`   POST /api/orders from https://evil.example → ${forged.status}`)
  assert.equal(forged.status, 403)

  title('Log one browser out by hand, while it listens: delete its key')
  const { res: events } = await alice.browser.stream('/api/events')
  const [tick] = await once(events.setEncoding('utf8'), 'data')
  print(`   GET /api/events → ${events.statusCode} ${tick.trim()}`)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/live`, {
    headers: { cookie: alice.browser.cookieFor(), origin: url },
  })
  const [{ data }] = await once(socket, 'message')
  print(`   WebSocket /api/live → 101 ${data}`)
  const cut = new Promise(resolve => events.on('error', resolve))
  const closed = Promise.all([cut, once(socket, 'close')])
  assert.equal(await redis('DEL', `claimcheck:session:${alice.handle}`), '1')
  const [, [{ code }]] = await closed
  print(`   The event stream was cut; the WebSocket was closed with ${code}.`)
  assert.equal(code, 4401)
  await dead(alice.browser, 'the same cookie, now worth nothing')

  title('Log Alice out everywhere: two browsers, one key')
  const [phone, laptop] = [await login('alice'), await login('alice')]
  for (const { browser } of [phone, laptop]) {
    assert.equal((await browser.ask('GET', '/api/orders')).status, 200)
  }
  print('   Logged in on a phone and on a laptop; both can call the API.')
  assert.equal(await redis('DEL', 'claimcheck:user:api:alice'), '1')
  await dead(phone.browser, 'phone')
  await dead(laptop.browser, 'laptop')

  title('She logs out herself: POST /auth/logout')
  const last = await login('alice')
  const out = await last.browser.ask('POST', '/auth/logout')
  print(`   ${out.status} ${out.text}\n   Set-Cookie: ${out.set}`)
  assert.equal(out.status, 200)
  assert.match(String(out.set), /^__Host-Http-session=; Max-Age=0;/)
  assert.equal(await redis('EXISTS', `claimcheck:session:${last.handle}`), '0')
}
