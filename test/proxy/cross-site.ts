import type { IncomingHttpHeaders } from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { type CrossSiteRules, crossSite } from '../../src/proxy/cross-site.ts'

const here = 'https://app.example.com'
const friend = 'https://admin.example.net'
const api: CrossSiteRules = {
  publicOrigin: here,
  corsOrigins: new Set([friend]),
  pages: false,
  capture: false,
}
const page = { ...api, pages: true }
const capture = { ...api, capture: true }

const safe = ['GET', 'HEAD', 'OPTIONS']
const unsafe = ['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'PROPFIND']
const all = [...safe, ...unsafe]
const strangers = [
  'null',
  'https://app.example.com.evil',
  'http://app.example.com',
  'https://app.example.com:8443',
  'https://sub.app.example.com',
  'https://APP.example.com',
  'https://app.example.com/',
  `${here}, ${here}`,
  'https://admin.example.net.evil',
  '',
]
const navigate = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

const site = (value: string, more: IncomingHttpHeaders = {}): IncomingHttpHeaders => ({
  'sec-fetch-site': value,
  ...more,
})

/** One line of the table: which of all methods pass; the others must be refused. */
type Row = [
  title: string,
  rules: CrossSiteRules,
  headers: IncomingHttpHeaders,
  passing: readonly string[],
]

const rows: Row[] = [
  ['same-origin', api, site('same-origin'), all],
  ['same-origin as a prefetch', api, site('same-origin', { 'sec-purpose': 'prefetch' }), all],
  ['none', api, site('none'), safe],
  ['none, our origin', api, site('none', { origin: here }), all],
  ['none, a listed origin', api, site('none', { origin: friend }), all],
  ['none, a foreign origin', api, site('none', { origin: 'https://evil.example' }), safe],
  ['none, to a page', page, site('none', navigate), safe],
  ['same-site', api, site('same-site'), []],
  ['same-site, our origin after a redirect', api, site('same-site', { origin: here }), []],
  ['same-site, a listed origin', api, site('same-site', { origin: friend }), all],
  ['same-site navigation to an API', api, site('same-site', navigate), []],
  ['same-site navigation to a page', page, site('same-site', navigate), ['GET']],
  ['cross-site', api, site('cross-site'), []],
  ['cross-site, our origin', api, site('cross-site', { origin: here }), []],
  ['cross-site, a listed origin', api, site('cross-site', { origin: friend }), all],
  ['cross-site navigation to an API', api, site('cross-site', navigate), []],
  ['cross-site navigation to a page', page, site('cross-site', navigate), ['GET']],
  ['cross-site form to a page', page, site('cross-site', { ...navigate, origin: 'null' }), ['GET']],
  ['cross-site frame', page, site('cross-site', { ...navigate, 'sec-fetch-dest': 'iframe' }), []],
  [
    'cross-site image',
    page,
    site('cross-site', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }),
    [],
  ],
  [
    'cross-site fetch',
    page,
    site('cross-site', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }),
    [],
  ],
  [
    'navigation without a destination',
    page,
    site('cross-site', { 'sec-fetch-mode': 'navigate' }),
    [],
  ],
  ['document without a mode', page, site('cross-site', { 'sec-fetch-dest': 'document' }), []],
  ['an unknown site', api, site('moon'), []],
  ['an unknown site, navigation to a page', page, site('moon', navigate), ['GET']],
  ['an empty site', api, site(''), []],
  ['a doubled site', api, site('same-origin, same-origin'), []],
  ['another case', api, site('Same-Origin'), []],
  ['nothing', api, {}, safe],
  ['nothing, but a navigation', page, navigate, safe],
  ['our origin alone', api, { origin: here }, all],
  ['a listed origin alone', api, { origin: friend }, all],
  ...strangers.map((origin): Row => [`origin ${origin} alone`, api, { origin }, []]),
  ['a capture, nothing', capture, {}, all],
  ['a capture, our origin', capture, { origin: here }, all],
  ['a capture, a foreign origin', capture, { origin: 'https://evil.example' }, []],
  ['a capture, the null origin', capture, { origin: 'null' }, []],
  ['a capture, cross-site', capture, site('cross-site'), []],
  ['a capture, none', capture, site('none'), safe],
  ...['prefetch', 'prefetch;prerender', 'Prefetch', 'prefetch;anonymous-client-ip'].flatMap(
    (purpose): Row[] => [
      [
        `cross-site ${purpose}`,
        page,
        site('cross-site', { ...navigate, 'sec-purpose': purpose }),
        [],
      ],
      [`${purpose} from the address bar`, page, site('none', { 'sec-purpose': purpose }), []],
      [`${purpose} without a site`, page, { 'sec-purpose': purpose }, []],
      [`an elder ${purpose}`, page, { purpose }, []],
      [`${purpose} by a listed origin`, page, site('cross-site', { origin: friend, purpose }), []],
    ],
  ),
  ['another purpose', api, site('none', { 'sec-purpose': 'preview' }), safe],
]

t.test('CS-01, CS-02, CS-03, CS-07: each line of the table, for each method', t => {
  for (const [title, rules, headers, passing] of rows) {
    const passed = all.filter(method => crossSite(method, headers, rules).kind === 'pass')
    t.same(passed, passing, title)
  }
  t.end()
})

t.test('WS-02: a WebSocket needs our origin or a listed one, whatever else it says', t => {
  for (const more of [{}, site('same-origin'), site('none'), site('cross-site', navigate)]) {
    for (const rules of [api, page, capture]) {
      const decided = (headers: IncomingHttpHeaders) =>
        crossSite('GET', { ...more, ...headers }, rules, true).kind
      t.equal(decided({ origin: here }), 'pass')
      t.equal(decided({ origin: friend }), 'pass')
      t.equal(decided({}), 'refuse')
      for (const origin of strangers) t.equal(decided({ origin }), 'refuse', origin)
    }
  }
  t.end()
})

t.test('CS-04: what the request says of its host does not count', t => {
  const headers = { host: 'evil', origin: 'https://evil', 'x-forwarded-host': 'evil' }
  t.match(crossSite('POST', headers, api), { kind: 'refuse', reason: /another origin/ })
  t.end()
})

t.test('a refusal says why', t => {
  t.match(crossSite('GET', {}, api, true), { reason: /WebSocket/ })
  t.match(crossSite('POST', {}, api), { reason: /does not say/ })
  t.match(crossSite('POST', site('none'), api), { reason: /without a page/ })
  t.match(crossSite('GET', site('cross-site'), api), { reason: /another site/ })
  t.match(crossSite('GET', { purpose: 'prefetch' }, api), { reason: /prefetch/ })
  t.end()
})

const value = (...known: string[]) =>
  fc.option(fc.oneof(fc.constantFrom(...known), fc.string()), { nil: undefined })
const request = fc.record({
  method: fc.oneof(fc.constantFrom(...all), fc.string()),
  websocket: fc.boolean(),
  pages: fc.boolean(),
  headers: fc.record({
    'sec-fetch-site': value('same-origin', 'same-site', 'cross-site', 'none'),
    'sec-fetch-mode': value('navigate', 'cors', 'no-cors', 'websocket'),
    'sec-fetch-dest': value('document', 'empty', 'iframe', 'image'),
    'sec-purpose': value('prefetch', 'prefetch;prerender'),
    origin: value(here, friend, ...strangers),
  }),
})

t.test('whatever the request, these hold', async t => {
  let passes = 0
  fc.assert(
    fc.property(request, ({ method, websocket, pages, headers }) => {
      if (crossSite(method, headers, { ...api, pages }, websocket).kind === 'refuse') return true
      passes++
      const { origin, 'sec-fetch-site': from } = headers
      const isSafe = safe.includes(method)
      // No unsafe request from anywhere but our own page or a listed origin.
      if (!isSafe && from !== 'same-origin' && origin !== here && origin !== friend) return false
      // From another site, only with a listed origin or as a page in a tab.
      const elsewhere = from !== undefined && from !== 'same-origin' && from !== 'none'
      const tab = pages && method === 'GET' && headers['sec-fetch-dest'] === 'document'
      if (elsewhere && origin !== friend && !tab && !(websocket && origin === here)) return false
      // Without Fetch Metadata, an origin that is sent has to be known.
      if (from === undefined && origin !== undefined && origin !== here && origin !== friend)
        return false
      return !websocket || origin === here || origin === friend
    }),
    { numRuns: 20_000 },
  )
  t.ok(passes > 500, `${passes} of 20000 passed`)
})
