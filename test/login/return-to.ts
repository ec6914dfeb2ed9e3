import fc from 'fast-check'
import t from 'tap'
import { returnTo } from '../../src/login/return-to.ts'

const publicUrl = 'https://app.example.com'

/** As a browser follows a `Location` that came from the public origin. */
const followed = (location: string) => new URL(location, `${publicUrl}/auth/callback`)

t.test('keeps a local path, its query and its fragment', async t => {
  for (const path of [
    '/',
    '/orders/7',
    '/orders?state=open&page=2#row-3',
    '/a/b/?next=https://elsewhere.example/',
    '/search?q=%2F%2Fevil.example',
    '/%2f%2fevil.example',
    '/%5cevil.example',
    '/%09/evil.example',
    '/@evil.example',
    '/a:b@evil.example',
    '/javascript:alert(1)',
    '/a//b',
    '/..%2f..%2f',
  ]) {
    t.equal(returnTo(path, publicUrl), path, path)
  }
  t.equal(returnTo('/größe?q=ü', publicUrl), '/gr%C3%B6%C3%9Fe?q=%C3%BC', 'sent in ASCII')
  t.equal(returnTo('/a/../b/./c', publicUrl), '/b/c', 'without dot segments')
})

const slashes = [
  '/',
  '\\',
  '%2f',
  '%2F',
  '%5c',
  '/\t',
  '/\n',
  '/\r',
  '/ ',
  '/.',
  '/./',
  '/../',
  '/%09/',
]
const payloads = [
  ...slashes.flatMap(a =>
    slashes.flatMap(b => [`${a}${b}evil.example`, `/${a}${b}evil.example/x`]),
  ),
  ...[
    'https:',
    'http:',
    'HTTPS:',
    'javascript:',
    'data:text/html,',
    'ftp:',
    'blob:',
    'view-source:',
  ].flatMap(scheme => [
    `${scheme}evil.example`,
    `${scheme}//evil.example`,
    `${scheme}/evil.example`,
    ` ${scheme}//evil.example`,
    `\t${scheme}//evil.example`,
    `/${scheme}//evil.example`,
  ]),
  '',
  ' ',
  'evil.example',
  '.',
  '..',
  '?x',
  '#x',
  '.evil.example',
  '@evil.example',
  ':8443/',
  '/\u0000/evil.example',
  '/\u000b/evil.example',
  '/\u007f/evil.example',
  '/\u0085/evil.example',
  '/%0d%0aSet-Cookie:x=1',
  '/\r\nSet-Cookie: x=1',
  '//evil.example/%2f..',
  '///evil.example',
  '////evil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/%2e//evil.example',
  '/a/..//evil.example',
  '/%2e%2e//evil.example',
  '//user@evil.example',
  '//evil.example:443',
  '//[::1]/',
  '/\\/evil.example',
  '\\/evil.example',
  '\\\\evil.example',
  `https://app.example.com@evil.example`,
  'https://app.example.com.evil.example/',
  '//app.example.com',
  '／／evil.example',
  '/／evil.example',
  '/\u2044evil.example',
]

t.test('never leaves the public origin, whatever it is asked for (LG-10)', async t => {
  t.ok(payloads.length > 400, `${payloads.length} payloads`)
  for (const payload of payloads) {
    for (const wanted of [payload, `${payload}?x=1`, `${payload}#x`, encodeURI(payload)]) {
      const path = returnTo(wanted, publicUrl)
      const ok =
        /^\/(?![/\\])[!-~]*$/.test(path) &&
        followed(path).origin === publicUrl &&
        !path.includes('\\')
      if (!ok) t.fail(`${JSON.stringify(wanted)} gave ${JSON.stringify(path)}`)
    }
  }
})

t.test('falls back to / for what is not a local path', async t => {
  for (const wanted of [
    undefined,
    '',
    'orders',
    '//evil.example',
    '/\\evil.example',
    '\\evil.example',
    '/\tx',
    '/.//evil.example',
    '/a/..//evil.example',
    'https:evil.example',
    'https://app.example.com/orders',
    'javascript:alert(1)',
    '/a b',
    '/\ud800',
    `/${'a'.repeat(10_240)}`,
  ]) {
    t.equal(returnTo(wanted, publicUrl), '/', JSON.stringify(wanted?.slice(0, 40)))
  }
})

t.test('holds for any text, and what it gives it gives again', async () => {
  const part = fc.constantFrom(
    '/',
    '\\',
    '.',
    '..',
    '%2f',
    '%5c',
    ':',
    '@',
    '\t',
    '\n',
    '?',
    '#',
    'a',
    'evil.example',
    'é',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(part).map(parts => parts.join('')),
        fc.string(),
      ),
      wanted => {
        const path = returnTo(wanted, publicUrl)
        return followed(path).origin === publicUrl && returnTo(path, publicUrl) === path
      },
    ),
    { numRuns: 2000 },
  )
})
