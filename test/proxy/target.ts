import fc from 'fast-check'
import t, { type Test } from 'tap'
import { readTarget, type Target } from '../../src/proxy/target.ts'

const origin = 'https://app.example.com'

const read = (raw: string): Target => {
  const target = readTarget(raw, origin)
  if (target.kind === 'refused') throw new Error(`${raw}: ${target.reason}`)
  return target
}

const refusesAll = (t: Test, targets: readonly string[], reason: RegExp) => {
  for (const raw of targets) {
    const target = readTarget(raw, origin)
    t.match(target, { kind: 'refused', code: 'malformed_request', reason }, JSON.stringify(raw))
  }
  t.end()
}

t.test('an ordinary target is taken as it is', t => {
  for (const path of ['/', '/api/orders/7', '/api/', '/v1.2/a~b_c-d', "/@me/a:b,c=d&$!*()+'"]) {
    t.same(read(path), {
      kind: 'target',
      path,
      query: '',
      lookalike: path,
      encodedSlash: false,
      emptySegments: false,
      pathParameters: false,
    })
  }
  t.end()
})

t.test('the query goes on byte for byte (PA-11)', t => {
  for (const query of [
    '?',
    '?a=1&a=2&b=%20+%2B&;c&=',
    '?x=/../&y=\\%zz',
    '?a?b',
    '?x=//',
    "?{'}",
  ]) {
    t.match(read(`/a${query}`), { path: '/a', query, lookalike: '/a' })
    t.match(read(`/%61${query}`), { path: '/a', query, lookalike: '/a' })
  }
  t.end()
})

t.test(
  'escapes of unreserved characters are decoded once, others keep their bytes (CVE-2026-16117)',
  t => {
    t.equal(read('/%61pi/internal').path, '/api/internal')
    t.equal(read('/ap%69/').path, '/api/')
    t.equal(read('/%7Euser/a%2Db%5Fc%2E1').path, '/~user/a-b_c.1')
    t.equal(read('/a%20b/caf%c3%a9/100%25').path, '/a%20b/caf%c3%a9/100%25')
    t.equal(read('/%2561').path, '/%2561', 'decoded once only')
    t.equal(read('/%25%36%31').path, '/%2561')
    t.equal(read('/a|b[c]^{d}"<e>`').path, '/a|b[c]^{d}"<e>`')
    t.end()
  },
)

t.test('PA-05, PA-06: what a route parameter could hide stays encoded', t => {
  t.match(read('/t/a%2fb%23c%3fd'), { path: '/t/a%2fb%23c%3fd', encodedSlash: true })
  t.match(read('/t/a%23b'), { path: '/t/a%23b', encodedSlash: false, lookalike: '/t/a' })
  t.end()
})

t.test(
  'dot segments are refused in any spelling (CVE-2021-21321, GHSA-2q7r-29rg-6m5h, GHSA-q3j6-qgpj-74h6)',
  t =>
    refusesAll(
      t,
      [
        '/.',
        '/..',
        '/a/./b',
        '/a/../b',
        '/a/..',
        '/a/.?x',
        '/%2e',
        '/a/%2e%2E/b',
        '/a/.%2e/b',
        '/a/%2e./b',
        '/a/%252e%252e/b',
        '/a/%25252e%25252e/b',
        '/a/%25%32%65%252e',
        '/a/%2525%2532%2565%252e',
        '/a/..%2fb',
        '/a%2f..%2fb',
        '/a%252f..%252fb',
        '/a%2f%2e%2e',
      ],
      /dot segment/,
    ),
)

t.test('dot segments with path parameters are refused (CVE-2026-127060)', t =>
  refusesAll(
    t,
    [
      '/a/..;/b',
      '/a/..;x=1/b',
      '/a/.;/b',
      '/a/..%3b/b',
      '/a/%2e%2e%3Bx/b',
      '/a/..%253bx',
      '/a/..;%2fb',
      '/public;/../api',
    ],
    /dot segment/,
  ),
)

t.test('dot segments that appear to readers of another kind are refused', t =>
  refusesAll(
    t,
    [
      '/a/..%20/b',
      '/a/.%20%20',
      '/a/..%3fx',
      '/a/..%23/b',
      // Full-width, one-dot and two-dot leaders, full-width slash and backslash, an accent and a zero-width space on the way.
      '/a/%EF%BC%8E%EF%BC%8E/b',
      '/a/%E2%80%A4%E2%80%A4/b',
      '/a/%E2%80%A5/b',
      '/a%EF%BC%8F..%EF%BC%8Fb',
      '/a%EF%BC%BC..%EF%BC%BCb',
      '/a/.%CC%81./b',
      '/a/.%E2%80%8B./b',
    ],
    /dot segment/,
  ),
)

t.test('dots that are no dot segments pass', t => {
  for (const path of ['/.well-known/x', '/...', '/a/..b', '/a/b..', '/.a', '/a/.../b', '/a..b/c']) {
    t.equal(read(path).path, path)
  }
  t.end()
})

t.test('backslashes are refused, raw and encoded (CVE-2026-85124)', t =>
  refusesAll(
    t,
    ['/\\evil', '/a\\..\\b', '/..\\', '/a%5cb', '/a%5C..%5Cb', '/a/..%5c', '/a%255cb', '/%61\\'],
    /backslash/,
  ),
)

t.test('a fragment is refused wherever it stands (CVE-2026-41059, CVE-2026-129502)', t => {
  for (const raw of [
    '/admin#/public',
    '/public/#/../admin',
    '/#',
    '/a%20#',
    '/a?b#c',
    '/%61?b#c',
    `${origin}/a#b`,
    `${origin}#b`,
  ]) {
    t.match(readTarget(raw, origin), { kind: 'refused', code: 'malformed_request' }, raw)
  }
  t.end()
})

t.test('bad escapes are refused (PA-08)', t => {
  for (const raw of [
    '/%',
    '/%2',
    '/%zz',
    '/a%2',
    '/%%32%65',
    '/%2%65',
    '/%u002e',
    '/%g0',
    '/%0G',
    '/%-1',
  ]) {
    t.match(readTarget(raw, origin), { kind: 'refused', reason: /escape is malformed/ }, raw)
  }
  t.end()
})

t.test('escapes that are not UTF-8 are refused, overlong ones at any depth', t => {
  for (const raw of [
    '/%c0%ae',
    '/%c0%ae%c0%ae/',
    '/%e0%80%ae',
    '/%f0%80%80%ae',
    '/%ff',
    '/%c3',
    '/%c3a',
    '/%ed%a0%80',
    '/%25c0%25ae',
    '/%25e0%2580%25ae',
    '/a%20%25c1%259c',
  ]) {
    t.match(readTarget(raw, origin), { kind: 'refused', reason: /not UTF-8/ }, raw)
  }
  t.equal(read('/0%25fat').path, '/0%25fat', 'a percent sign before two letters is a text')
  t.end()
})

t.test('controls, spaces and non-ASCII are refused raw, controls encoded too (PA-08)', t => {
  for (const char of [
    '\0',
    '\t',
    '\n',
    '\r',
    ' ',
    '\x1f',
    '\x7f',
    '\x80',
    'é',
    '\xff',
    '\u{1F600}',
  ]) {
    for (const raw of [`/a${char}b`, `/%61${char}`, `/a?b${char}`, `/%61?${char}`, `/${char}`]) {
      t.match(
        readTarget(raw, origin),
        { kind: 'refused', code: 'malformed_request' },
        JSON.stringify(raw),
      )
    }
  }
  for (const raw of [
    '/%00',
    '/a%0a',
    '/a%0D%0Ab',
    '/%1f',
    '/%7f',
    '/%2500',
    '/%250d%250a',
    '/%C2%85',
    '/%25%30%30',
  ]) {
    t.match(readTarget(raw, origin), { kind: 'refused', reason: /control/ }, raw)
  }
  t.end()
})

t.test('encoded slashes are flagged, also where they appear only after further decoding', t => {
  for (const raw of ['/a%2fb', '/a%2Fb', '/a%252fb', '/a%25252Fb', '/%2fa', '/a%25%32%66']) {
    t.match(read(raw), { encodedSlash: true, emptySegments: false, pathParameters: false }, raw)
  }
  t.equal(read('/a%2fb').lookalike, '/a/b')
  t.end()
})

t.test('empty segments are flagged', t => {
  for (const raw of ['//', '//api', '/a//b', '/a//', '/a///b?x', '/%61//']) {
    t.match(read(raw), { emptySegments: true, encodedSlash: false }, raw)
  }
  t.match(read('//api//x'), { path: '//api//x', lookalike: '/api/x' })
  t.equal(read('/a/?x=//').emptySegments, false)
  t.end()
})

t.test('path parameters are flagged, literal and encoded', t => {
  for (const raw of ['/a;x', '/a;x=1/b', '/;', '/a%3bx', '/a%3Bx', '/a%253bx']) {
    t.match(read(raw), { pathParameters: true, encodedSlash: false }, raw)
  }
  t.equal(read('/a;x=1/b;y').lookalike, '/a/b')
  t.equal(read('/a?b;c').pathParameters, false)
  t.end()
})

t.test('a slash inside a path parameter is refused: readers differ in what they drop first', t => {
  const ambiguous = ['/a;%2fx/b', '/a%3b%2Fx', '/a;x=%252f', '/b/%2f;%2f', '/b;c/a;%2f/d']
  refusesAll(t, ambiguous, /parameter holds a slash/)
})

t.test('a slash before a path parameter is only flagged', t => {
  t.match(read('/a%2fb;x/c'), { encodedSlash: true, pathParameters: true, lookalike: '/a/b/c' })
  t.match(read('/a;x/b%2fc'), { encodedSlash: true, pathParameters: true, lookalike: '/a/b/c' })
  t.end()
})

t.test('the look-alike is what the most lenient upstream could read', t => {
  const cases: Readonly<Record<string, string>> = {
    '/API/Orders': '/api/orders',
    '/a%20b': '/a b',
    '/a./b': '/a/b',
    '/a.?x': '/a',
    '/a%20/b%20.%20': '/a/b',
    '/%2561dmin/': '/admin/',
    '/a%3fx/b': '/a/b',
    '/a%2523b/c': '/a/c',
    '/%EF%BD%81dmin': '/admin',
    '/%C4%B1d': '/id',
    '/%E2%84%AA': '/k',
    '/caf%C3%A9': '/cafe',
    '/cafe%CC%81': '/cafe',
    '/.well-known/X/': '/.well-known/x/',
    '/...': '/',
  }
  for (const [raw, lookalike] of Object.entries(cases)) t.equal(read(raw).lookalike, lookalike, raw)
  t.end()
})

t.test(
  'an absolute target of the public origin is read as its path (PX-08, CVE-2026-112362)',
  t => {
    t.match(read('https://app.example.com/a/b?c'), { path: '/a/b', query: '?c' })
    t.match(read('HTTPS://APP.Example.COM:443/A'), { path: '/A', lookalike: '/a' })
    t.match(read('https://app.example.com'), { path: '/', query: '' })
    t.match(read('https://app.example.com?c=/d'), { path: '/', query: '?c=/d' })
    t.match(read('https://app.example.com//a'), { path: '//a', emptySegments: true })
    t.match(readTarget('http://localhost:8080/a', 'http://localhost:8080'), { path: '/a' })
    t.match(readTarget('http://localhost:80/a', 'http://localhost'), { path: '/a' })
    for (const raw of [
      'https://app.example.com/../a',
      'https://app.example.com\\a',
      'https://app.example.com/%zz',
    ]) {
      t.match(readTarget(raw, origin), { kind: 'refused', code: 'malformed_request' }, raw)
    }
    t.end()
  },
)

t.test('an absolute target of another origin is misdirected (PX-09, PA-12)', t => {
  for (const raw of [
    'http://app.example.com/',
    'https://evil.example/api',
    'https://app.example.com.evil.example/',
    'https://app.example.com:8443/',
    'https://app.example.com:/',
    'https://app.example.com./',
    'https://10.0.0.1/',
    'ftp://app.example.com/',
    'constructor://app.example.com/',
  ]) {
    t.match(readTarget(raw, origin), { kind: 'refused', code: 'misdirected' }, raw)
  }
  t.end()
})

t.test('other forms of a target are refused (PA-08)', t => {
  for (const raw of [
    '',
    '*',
    '?',
    'api',
    'app.example.com:443',
    'https:/app.example.com/',
    '://app.example.com',
    'https://',
    'https:///a',
    'https://app.example.com@evil/',
    'https://user:pw@app.example.com/a',
    '@evil',
    '%2fapi',
  ]) {
    t.match(readTarget(raw, origin), { kind: 'refused', code: 'malformed_request' }, raw)
  }
  t.end()
})

const piece = fc.constantFrom(
  ...[
    'a',
    'B',
    '.',
    '..',
    '/',
    '//',
    ';',
    '%',
    '%2e',
    '%2E',
    '%2f',
    '%25',
    '252e',
    '2f',
    '%5c',
    '\\',
    '%20',
    '%3b',
  ],
  ...['%c0%ae', '%C3%A9', '%EF%BC%8E', '%00', '?', '#', ' ', '\u00e9', '~', '%61', '%7e', '65'],
)
const anyTarget = fc.array(piece, { maxLength: 12 }).map(pieces => `/${pieces.join('')}`)

/** Percent-decoding as lenient as can be, once. */
const decodeOnce = (path: string): string =>
  Buffer.from(
    path.replace(/%([0-9a-f]{2})/gi, (_, digits) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    ),
    'latin1',
  ).toString('latin1')

t.test(
  'however often it is decoded, a path that passed has no dot segment, backslash or control (PA-04)',
  async t => {
    let passed = 0
    fc.assert(
      fc.property(anyTarget, raw => {
        const target = readTarget(raw, origin)
        if (target.kind === 'refused') return
        passed++
        for (
          let path = target.path, before = '';
          path !== before;
          before = path, path = decodeOnce(path)
        ) {
          const segments = path.split('/').map(segment => segment.split(';')[0])
          if (segments.includes('.') || segments.includes('..'))
            throw new Error(`dot segment in ${path}`)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
          if (/[\x00-\x1f\x7f\\]/.test(path)) throw new Error(`${path} is not clean`)
          if (
            path !== target.path &&
            !target.encodedSlash &&
            path.split('/').length !== target.path.split('/').length
          ) {
            throw new Error(`a slash appeared in ${path}`)
          }
          if (path.includes(';') && !target.pathParameters) throw new Error(`parameters in ${path}`)
        }
      }),
      { numRuns: 20_000 },
    )
    t.ok(passed > 500, `${passed} of 20000 passed`)
  },
)

t.test('what is forwarded is read again as the same (PA-01)', async () => {
  fc.assert(
    fc.property(anyTarget, raw => {
      const target = readTarget(raw, origin)
      if (target.kind === 'refused') return true
      const again = readTarget(target.path + target.query, origin)
      return JSON.stringify(again) === JSON.stringify(target)
    }),
    { numRuns: 20_000 },
  )
})

t.test('the fast way and the slow way give the same answer', async () => {
  const ordinary = fc
    .array(fc.stringMatching(/^[a-zA-Z0-9~_-][a-zA-Z0-9._~:@!$-]{0,6}[a-z0-9]$/), { maxLength: 5 })
    .map(segments => `/${segments.join('/')}`)
  fc.assert(
    fc.property(ordinary, path => {
      // An escape of a letter sends it the slow way, and is gone afterwards.
      const slow = path.replace(/[a-z]/, letter => `%${letter.charCodeAt(0).toString(16)}`)
      return JSON.stringify(read(slow)) === JSON.stringify(read(path))
    }),
  )
})

t.test('reading takes time in proportion to the length', async t => {
  for (const [first, repeated] of [
    ['/%25', '25'],
    ['/a', '%CC%81%CC%A3'],
    ['/', '%2f'],
    ['/a', 'a;/'],
    ['/', '%20'],
    ['/', 'a.'],
  ] as const) {
    const long = first + repeated.repeat(1_000_000 / repeated.length)
    t.equal(readTarget(long, origin).kind, 'target', `1 MB of ${repeated}`)
  }
})
