// What a whole visit leaves behind in the gateway's log, at its most talkative, and in its metrics.
import t from 'tap'
import { recordTraffic, startChromium } from '../fixtures/chromium.ts'
import { logInWithApi, logInWithProvider, startDemo } from '../fixtures/demo.ts'
import { samplesIn } from '../fixtures/exposition.ts'
import { until } from '../fixtures/until.ts'

const demo = await startDemo(t, config => `${config}log: { level: trace }\n`)
const chromium = await startChromium(t)

/** The fields of the audit log that say whose session it was (docs/operations.md). */
const documented = new Set(['sub', 'sid'])

/** 43 characters of base64url, with all kinds of letters in them: unlike names that are as long. */
const ticketShape = /(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{43}(?![\w-])/

/** A line without them, as text. */
const rest = (line: object): string =>
  JSON.stringify(line, (key, value) => (documented.has(key) ? undefined : value))

t.test(
  'a visit leaves no ticket, no token and no claim in log and metrics (LO-01, LO-05)',
  async t => {
    const context = await chromium.newContext()
    t.teardown(() => context.close())
    const traffic = recordTraffic(context)
    const page = await context.newPage()
    const cookies = new Set<string>()
    const remember = async () => {
      for (const { value } of await context.cookies(demo.url)) cookies.add(value)
    }

    await logInWithApi(page, demo)
    await remember()
    await page.click('#orders')
    await page.waitForSelector('#answer:has-text("2 tea cups")')
    await page.click('#open-events')
    await page.click('#open-socket')
    await page.waitForSelector('#socket:has-text("tick")')
    await page.goto(`${demo.url}/auth/devices`)
    await page.waitForSelector('li')
    // The other login takes the place of this session, and is refreshed.
    await logInWithProvider(page, demo)
    await remember()
    await until(async () => {
      await page.reload()
      return demo.provider.lines.some(({ grant }) => grant === 'refresh_token')
    })
    await page.goto(
      `${demo.url}/auth/callback?code=made-up-code&state=made-up-state&iss=made-up-iss`,
    )
    await page.goto(`${demo.url}/app`)
    await page.click('text=Log out')
    await page.click('text=Yes, log out')
    await page.waitForURL(`${demo.url}/`)
    await page.click('#orders')
    await page.waitForSelector('#answer:has-text("no_session")')

    const metrics = await (await fetch(`${demo.admin}/metrics`)).text()
    const { lines } = demo.gateway
    const log = lines.map(rest).join('\n')
    for (const event of ['login', 'logout', 'sessions_ended', 'refused'])
      t.ok(
        lines.some(line => line.event === event),
        `the audit log has a ${event}`,
      )
    t.ok(lines.some(line => JSON.stringify(line).includes('"sub":"alice"')))
    t.match(log, '"msg":"request"')
    const samples = samplesIn(metrics)
    const of = (name: string) =>
      samples.filter(sample => sample.name === name).reduce((sum, { value }) => sum + value, 0)
    t.equal(of('claimcheck_sessions_created_total'), 2)
    t.ok(of('claimcheck_refreshes_total') >= 1)

    const codes = Array.from(
      (await traffic.heads()).matchAll(/[?&](?:code|state)=([^&\s"]+)/g),
      ([, value = '']) => value,
    )
    const secrets = [...cookies, ...demo.tokenParts().filter(part => part.length > 10), ...codes]
    t.ok(cookies.size >= 3 && demo.tokenParts().length >= 6 && codes.length >= 2)
    for (const [where, text] of Object.entries({ log, metrics })) {
      t.notOk(
        secrets.some(secret => text.includes(secret)),
        `no ticket, login cookie, token, code or state in the ${where}`,
      )
      t.notMatch(text, /eyJ/, `nothing shaped like a token in the ${where}`)
      t.notMatch(text, ticketShape, `nothing shaped like a ticket in the ${where}`)
      t.notMatch(text, /made-up/, `no query in the ${where}`)
      t.notMatch(
        text,
        /alice|Alice|@example\.com|wonderland/,
        `no claim and no password in the ${where}`,
      )
    }
  },
)
