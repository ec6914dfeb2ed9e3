// One person in two browsers: each can end the other, and Redis can end both while they listen.
import t, { type Test } from 'tap'
import { startChromium } from '../fixtures/chromium.ts'
import { logInWithApi, startDemo } from '../fixtures/demo.ts'

const demo = await startDemo(t)
const chromium = await startChromium(t)

const logIn = async (t: Test) => {
  const context = await chromium.newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  await logInWithApi(page, demo)
  return page
}
const users = 'claimcheck:user:api:alice'

t.test('one device ends the other, by keyboard alone', async t => {
  const laptop = await logIn(t)
  const [own] = await demo.redis.zrange(users, '0', '-1')
  const phone = await logIn(t)
  await laptop.goto(`${demo.url}/auth/devices`)
  t.equal(await laptop.locator('li').count(), 2)
  t.equal(await laptop.locator('li', { hasText: 'This device' }).count(), 1)
  t.match(await laptop.textContent('h2'), 'Chrome on Linux')
  const focused = () => laptop.evaluate(() => document.activeElement?.getAttribute('value') ?? '')
  do await laptop.keyboard.press('Tab')
  while ((await focused()) === own)
  t.match(await focused(), /^[0-9a-f]{64}$/)
  await laptop.keyboard.press('Enter')
  await laptop.waitForFunction(() => document.querySelectorAll('li').length === 1)
  t.strictSame(await demo.redis.zrange(users, '0', '-1'), [own])
  await phone.click('#orders')
  await phone.waitForSelector('#answer:has-text("no_session")')
  await laptop.goto(demo.url)
  await laptop.click('#orders')
  await laptop.waitForSelector('#answer:has-text("tea cups")')
  await demo.redis.del(users)
})

t.test('a key deleted in Redis ends what is open', async t => {
  const page = await logIn(t)
  await page.click('#open-events')
  await page.click('#open-socket')
  await page.waitForSelector('#events:has-text("tick")')
  await page.waitForSelector('#socket:has-text("tick")')
  t.equal(await demo.redis.del(users), 1)
  await page.waitForSelector('#events:has-text("ended")')
  await page.waitForSelector('#socket:has-text("ended with 4401")')
  await page.click('#orders')
  await page.waitForSelector('#answer:has-text("no_session")')
})
