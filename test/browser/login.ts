// Both ways into the demo, in a real browser: what its network, scripts and frames get to see.
import t, { type Test } from 'tap'
import { recordTraffic, seenByScripts, startChromium } from '../fixtures/chromium.ts'
import { type Demo, logInWithApi, logInWithProvider, startDemo } from '../fixtures/demo.ts'
import { until } from '../fixtures/until.ts'

const demo = await startDemo(t)
const chromium = await startChromium(t)

const open = async (t: Test) => {
  const context = await chromium.newContext()
  t.teardown(() => context.close())
  const traffic = recordTraffic(context)
  return { context, traffic, page: await context.newPage() }
}
type Opened = Awaited<ReturnType<typeof open>>

const bearers = ({ api }: Demo) =>
  api.lines.flatMap(({ authorization }) => authorization?.slice('Bearer '.length) ?? [])

/** The first promise, as a browser sees it. */
const showsNothing = async (t: Test, { context, traffic, page }: Opened) => {
  const cookies = await context.cookies(demo.url)
  const session = cookies.find(({ name }) => name === '__Host-Http-session')
  t.match(session, { httpOnly: true, secure: true, path: '/', expires: -1 })
  const seen = await seenByScripts(page)
  for (const view of seen.split('\n')) t.match(view, '"cookie":"","cookies":[],"local":{}')
  t.notMatch(seen, /[?&](?:code|state)=/, 'no address of the login is left')
  for (const { name, value } of cookies) {
    t.notOk(seen.includes(value), `scripts see nothing of ${name}`)
    t.notOk((await traffic.bodies()).includes(value), `no body has ${name}`)
  }
  const parts = demo.tokenParts()
  t.ok(parts.length > 0)
  const all = [seen, await traffic.heads(), await traffic.bodies(), JSON.stringify(cookies)]
  t.notOk(
    parts.some(part => all.some(text => text.includes(part))),
    'no part of a token is anywhere in the browser',
  )
}

t.test('with the login of the API itself', async t => {
  const opened = await open(t)
  const { page } = opened
  await logInWithApi(page, demo)
  await page.click('#orders')
  await page.waitForSelector('#answer:has-text("2 tea cups")')
  await page.click('#open-events')
  await page.click('#open-socket')
  await page.waitForSelector('#socket:has-text("tick")')
  const issued = demo.api.lines.find(({ event }) => event === 'issued')?.token
  t.equal(bearers(demo).at(-1), issued)
  await showsNothing(t, opened)
})

t.test('with the provider, whose token is renewed while the page is open', async t => {
  const opened = await open(t)
  const { page, traffic } = opened
  await logInWithProvider(page, demo)
  await page.waitForSelector('#orders:has-text("2 tea cups")')
  const [first] = demo.provider.lines.flatMap(({ token }) => token ?? [])
  t.equal(bearers(demo).at(-1), first)
  await until(async () => {
    await page.reload()
    await page.waitForSelector('#orders:has-text("2 tea cups")')
    return bearers(demo).at(-1) !== first
  })
  t.ok(demo.provider.lines.some(({ grant }) => grant === 'refresh_token'))
  t.match(await traffic.heads(), '/auth/callback?code=', 'the whole way was watched')
  await showsNothing(t, opened)
})
