// The ends of a session as a person meets them: log-out, going back, coming from elsewhere, lost cookies.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { startChromium } from '../fixtures/chromium.ts'
import { answerProvider, logInWithApi, logInWithProvider, startDemo } from '../fixtures/demo.ts'

const demo = await startDemo(t)
const chromium = await startChromium(t)

const open = async (t: Test) => {
  const context = await chromium.newContext()
  t.teardown(() => context.close())
  return { context, page: await context.newPage() }
}

/** A foreign site with one link. */
const startForeignSite = async (t: Test, href: string): Promise<string> => {
  const server = createServer((_req, res) => {
    res.setHeader('content-type', 'text/html').end(`<a href="${href}">a link</a>`)
  }).listen(0, '127.0.0.1')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

t.test('after a log-out the cookie is gone and the API answers 401', async t => {
  const { context, page } = await open(t)
  await logInWithApi(page, demo)
  await page.click('#logout')
  await page.waitForSelector('#who:has-text("Nobody is logged in")')
  t.equal(page.url(), `${demo.url}/`)
  t.strictSame(await context.cookies(demo.url), [])
  await page.click('#orders')
  await page.waitForSelector('#answer:has-text("no_session")')
})

t.test('a log-out leads through the provider and back; the next login asks again', async t => {
  const { page } = await open(t)
  await logInWithProvider(page, demo)
  await page.click('text=Log out')
  t.equal(await demo.redis.exists('claimcheck:user:oidc:alice'), 0, 'over before anybody agrees')
  await page.click('text=Yes, log out')
  await page.waitForURL(`${demo.url}/`)
  await page.goto(`${demo.url}/app`)
  await page.waitForSelector('input[name=password]')
  t.ok(page.url().startsWith(demo.issuer))
})

t.test('the back button after a log-out shows nothing private', async t => {
  const { page } = await open(t)
  await logInWithProvider(page, demo)
  await page.waitForSelector('#orders:has-text("2 tea cups")')
  await page.click('text=Log out')
  await page.click('text=Yes, log out')
  await page.waitForURL(`${demo.url}/`)
  // A page that comes out of the back-forward cache never loads again.
  const move = async (way: 'goBack' | 'reload') => {
    await page[way]({ waitUntil: 'commit' })
    await page.waitForFunction(() => document.readyState === 'complete')
    t.notMatch(await page.content(), /Hello|tea cups/, `${way}: ${page.url()}`)
  }
  for (const _ of [1, 2, 3]) {
    await move('goBack')
    await move('reload')
  }
})

t.test('a link on a foreign site leads to a page, through the login if need be', async t => {
  const deep = '/app/orders/7?x=1%202&y=%2F'
  const site = await startForeignSite(t, `${demo.url}${deep}`.replaceAll('&', '&amp;'))
  const { page } = await open(t)
  await page.goto(site)
  await page.click('text=a link')
  await answerProvider(page)
  await page.waitForSelector('h1:has-text("Hello, Alice")')
  t.equal(page.url(), demo.url + deep)
  await page.goto(site)
  await page.click('text=a link')
  await page.waitForSelector('h1:has-text("Hello, Alice")')
  t.equal(page.url(), demo.url + deep, 'straight there with a session')
  t.match(await page.textContent('code'), '/app/orders/7')
})

t.test('a browser that loses the session cookie is told so, and may try again', async t => {
  const { context, page } = await open(t)
  await logInWithProvider(page, demo)
  await context.clearCookies({ name: '__Host-Http-session' })
  const answer = await page.goto(`${demo.url}/app`)
  t.equal(answer?.status(), 400)
  t.match(await page.textContent('body'), 'did not keep the cookie')
  await page.click('text=Log in')
  await page.waitForSelector('h1:has-text("Hello, Alice")')
})
