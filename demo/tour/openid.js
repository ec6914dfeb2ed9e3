// The second way in: an OpenID provider on another site, whose tokens the gateway renews.
import assert from 'node:assert/strict'
import { createBrowser } from './browser.js'
import { short } from './walk.js'

const first = (text, pattern) => pattern.exec(text)?.[1]
const endpoint = ({ origin, pathname }) => `${origin}${pathname}`

export const tourOfOpenId = async ({ url, issuer, provider }, walk) => {
  const { print, title, redis, atApi, dead, withoutToken, until } = walk
  const issued = grant =>
    provider.lines.filter(line => line.event === 'issued' && line.grant === grant)

  /** Follows redirects; prints each. Answers the page at the end. */
  const follow = async (browser, path, options) => {
    const answer = await browser.visit(path, options)
    const { target, status, location } = answer
    const next = location === undefined ? undefined : new URL(location, target)
    const where = next === undefined ? '' : ` to ${short(endpoint(next))}`
    print(`   ${options?.form ? 'POST' : 'GET'} ${short(endpoint(target))} → ${status}${where}`)
    if (next === undefined) return answer
    return follow(browser, next.href, {
      site: next.origin === target.origin ? 'same-origin' : 'cross-site',
    })
  }
  const login = async browser => {
    const form = await follow(browser, '/app')
    assert.ok(form.target.href.startsWith(issuer), 'the provider asks for the password')
    const action = first(form.text, /<form[^>]*action="([^"]+)"/)
    return follow(browser, new URL(action, issuer).href, {
      site: 'same-origin',
      form: new URLSearchParams({ user: 'alice', password: 'wonderland' }),
    })
  }
  /** Presses "Yes" on the provider's page. */
  const confirm = (browser, { text, target }) =>
    follow(browser, new URL(first(text, /action="([^"]+)"/), target).href, {
      site: 'same-origin',
      form: new URLSearchParams({
        xsrf: first(text, /name="xsrf" value="([^"]+)"/),
        logout: 'yes',
      }),
    })
  const bearer = () => atApi().at(-1).authorization.slice('Bearer '.length)

  title('Alice opens a page that needs a login; the provider is another site')
  const alice = createBrowser(url)
  const page = await login(alice)
  assert.equal(endpoint(page.target), `${url}/app`)
  assert.match(page.text, /Hello, Alice/)
  print('   The page says: Hello, Alice.')

  title("The API receives the provider's token; the browser never had it")
  const orders = await alice.ask('GET', '/api/orders')
  const [{ token }] = issued('authorization_code')
  print(`   ${orders.status} ${orders.text}`)
  print(`   The API received: Authorization: Bearer ${short(bearer())}`)
  assert.equal(orders.status, 200)
  assert.equal(bearer(), token)
  withoutToken(alice, token)

  title('The token is over after six seconds; twenty requests come at once')
  const before = atApi().length
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))
  await until(() => Date.now() > exp * 1000)
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => alice.ask('GET', '/api/orders')),
  )
  const sent = new Set(
    atApi()
      .slice(before)
      .map(({ authorization }) => authorization),
  )
  const refreshes = issued('refresh_token')
  print(`   ${answers.filter(({ status }) => status === 200).length} answers with 200`)
  print(`   Calls to the provider: ${refreshes.length}`)
  print(`   The API received: Authorization: Bearer ${short(refreshes[0].token)}`)
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(refreshes.length, 1)
  assert.notEqual(refreshes[0].token, token)
  assert.deepEqual([...sent], [`Bearer ${refreshes[0].token}`])
  withoutToken(alice, refreshes[0].token)

  title('She logs out at the provider, which tells the gateway (back channel)')
  await confirm(alice, await follow(alice, `${issuer}/session/end`))
  await provider.wait(line => line.event === 'logged_out')
  print('   The provider sent a logout token; the gateway said 200.')
  await dead(alice, 'nobody touched this browser')

  title('She logs in again, and out from here: the provider is asked too')
  await login(alice)
  const { text } = await alice.ask('POST', '/auth/logout')
  print(`   POST /auth/logout → ${short(text)}`)
  const home = await confirm(
    alice,
    await follow(alice, JSON.parse(text).redirect, { site: 'cross-site' }),
  )
  assert.equal(home.target.href, `${url}/`)
  assert.equal(await redis('EXISTS', 'claimcheck:user:oidc:alice'), '0')
  await dead(alice, 'logged out at both ends')
}
