// Three logins that begin in three tabs and end in another order: all land, one live session is left.
import t from 'tap'
import { startChromium } from '../fixtures/chromium.ts'
import { answerProvider, startDemo } from '../fixtures/demo.ts'
import { until } from '../fixtures/until.ts'

const chromium = await startChromium(t)

const kinds = [
  { sameSite: 'Lax', to: '/app', landed: 'h1:has-text("Hello, Alice")', edit: undefined },
  {
    // Without pages that may be navigated to, the cookie is Strict by itself.
    ...{ sameSite: 'Strict', to: '/', landed: '#who:has-text("Logged in as Alice")' },
    edit: (config: string) => config.replace('    pages: true\n', ''),
  },
]

for (const { sameSite, to, landed, edit } of kinds) {
  t.test(`with a cookie that is ${sameSite} (LG-15)`, async t => {
    const demo = await startDemo(t, edit)
    const context = await chromium.newContext()
    t.teardown(() => context.close())
    const tabs = await Promise.all([1, 2, 3].map(() => context.newPage()))
    for (const [at, tab] of tabs.entries()) {
      await tab.goto(`${demo.url}/auth/login?return_to=${encodeURIComponent(`${to}?tab=${at}`)}`)
      await tab.waitForSelector('input[name=password]')
    }
    for (const at of [2, 0, 1]) {
      const tab = tabs[at]
      if (tab === undefined) throw new Error('no tab')
      await answerProvider(tab)
      await tab.waitForSelector(landed)
      t.equal(tab.url(), `${demo.url}${to}?tab=${at}`)
    }
    const [cookie, ...more] = (await context.cookies(demo.url)).filter(
      ({ name }) => name === '__Host-Http-session',
    )
    t.equal(cookie?.sameSite, sameSite)
    t.strictSame(more, [])
    await until(async () => (await demo.redis.zcard('claimcheck:user:oidc:alice')) === 1)
    t.equal((await demo.redis.keys('claimcheck:session:*')).length, 1)
    for (const tab of tabs) {
      const status = await tab.evaluate(async () => (await fetch('/api/orders')).status)
      t.equal(status, 200)
    }
  })
}
