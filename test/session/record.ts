import fc from 'fast-check'
import t from 'tap'
import {
  cutAgent,
  encodeLine,
  encodeRecord,
  encodeTokens,
  lineLimit,
  type Meta,
  moment,
  parseLine,
  parseRecord,
  parseTokens,
  scopesOf,
} from '../../src/session/record.ts'

const full: Meta = {
  ...{ v: 1, provider: 'oidc', iss: 'https://login.test', sub: 'alice', sid: 's1' },
  ...{ created: 1000, expires: 2000, tokenExpires: 1500, ip: '::1', agent: 'curl/8' },
}
const least: Meta = { v: 1, provider: 'api', iss: 'i', sub: 'a\nb', created: 1000, expires: 2000 }

t.test('the clear line is JSON in one line, as operators know it', async t => {
  t.equal(
    encodeLine(full).toString(),
    '{"v":1,"provider":"oidc","iss":"https://login.test","sub":"alice","sid":"s1",' +
      '"created":1000,"expires":2000,"tokenExpires":1500,"ip":"::1","agent":"curl/8"}',
  )
  t.notOk(encodeLine(least).includes('\n'))
  t.strictSame(parseLine(encodeLine(full)), full)
  t.strictSame(parseLine(encodeLine(least)), least)
})

t.test('a line that is not of this version or lacks a member is none', async t => {
  const wrong: Record<string, unknown>[] = [
    ...[{ v: 999 }, { v: '1' }, { v: undefined }, { provider: 1 }, { iss: null }, { sub: {} }],
    ...[{ created: '1000' }, { created: 1.5 }, { expires: undefined }, { expires: 1e300 }],
    ...[{ tokenExpires: 'soon' }, { tokenExpires: null }, { sid: 1 }, { ip: [] }, { agent: false }],
  ]
  for (const change of wrong) {
    const line = Buffer.from(JSON.stringify({ ...full, ...change }))
    t.equal(parseLine(line), undefined, JSON.stringify(change))
  }
  for (const text of ['', 'null', '[]', '1', '"x"', '{', `${encodeLine(full)}x`]) {
    t.equal(parseLine(Buffer.from(text)), undefined, text)
  }
  t.equal(parseLine(Buffer.from([0x22, 0xff, 0x22])), undefined, 'not UTF-8')
  const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), encodeLine(full)])
  t.equal(parseLine(marked), undefined, 'a byte order mark')
})

t.test('a record gives back its line, byte for byte, and the sealed rest', async t => {
  const sealed = Buffer.from('\n\0sealed\n')
  const spaced = Buffer.from(encodeLine(full).toString().replace('{', '{ '))
  const record = parseRecord(encodeRecord(spaced, sealed))
  t.strictSame(record?.meta, full)
  t.same(record?.clearLine, spaced)
  t.same(record?.sealed, sealed)
  t.equal(parseRecord(encodeLine(full)), undefined, 'no newline')
  t.equal(parseRecord(Buffer.alloc(10_000_000, 'a')), undefined, 'ten megabytes')
  const long = encodeLine({ ...full, sub: 'a'.repeat(lineLimit) })
  t.equal(parseRecord(encodeRecord(long, sealed)), undefined, 'a longer line than is ever written')
})

t.test('no bytes make the parsers throw', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.json(), (bytes, json) => {
        for (const value of [Buffer.from(bytes), Buffer.from(`${json}\n`)]) {
          parseRecord(value)
          parseLine(value)
          parseTokens(value)
        }
      }),
      { numRuns: 500 },
    ),
  )
})

t.test('tokens come back as they were sealed', async t => {
  const all = {
    ...{ accessToken: 'a', refreshToken: 'r', idToken: 'i', scope: 's' },
    claims: { sub: 'alice', nested: { roles: ['x'] } },
  }
  t.strictSame(parseTokens(encodeTokens(all)), all)
  const least = { accessToken: 'a', claims: {} }
  t.strictSame(parseTokens(encodeTokens(least)), least)
  const wrong: Record<string, unknown>[] = [
    ...[{ accessToken: undefined }, { claims: [] }, { claims: null }, { refreshToken: 1 }],
    ...[{ idToken: null }, { scope: ['s'] }],
  ]
  for (const change of wrong) {
    const plain = Buffer.from(JSON.stringify({ ...all, ...change }))
    t.equal(parseTokens(plain), undefined, JSON.stringify(change))
  }
})

t.test('__proto__ among the claims is a claim and nothing more', async t => {
  const plain = Buffer.from('{"accessToken":"a","claims":{"__proto__":{"admin":true},"sub":"a"}}')
  const tokens = parseTokens(plain)
  t.equal(tokens && Reflect.get(tokens.claims, 'admin'), undefined)
  t.equal(Reflect.get({}, 'admin'), undefined)
  t.strictSame(Object.keys(tokens?.claims ?? {}), ['__proto__', 'sub'])
  t.ok(tokens && encodeTokens(tokens).includes('"__proto__":{"admin":true}'))
})

t.test('a User-Agent is cut at 256 bytes, between characters', async t => {
  t.equal(cutAgent('curl/8'), 'curl/8')
  t.equal(cutAgent('a'.repeat(300)), 'a'.repeat(256))
  t.equal(cutAgent(`${'a'.repeat(255)}ä`), 'a'.repeat(255))
  t.equal(cutAgent('😀'.repeat(65)), '😀'.repeat(64))
})

t.test('scopes come from the token response, else from the claims', async t => {
  const scopes = (scope: string | undefined, claims: Record<string, unknown>) => [
    ...scopesOf({ accessToken: 'a', claims, ...(scope !== undefined && { scope }) }),
  ]
  t.strictSame(scopes('a b', { scope: 'c' }), ['a', 'b'])
  t.strictSame(scopes('', { scope: 'c' }), [])
  t.strictSame(scopes(undefined, { scope: 'c  d' }), ['c', 'd'])
  t.strictSame(scopes(undefined, { scp: 'c d' }), ['c', 'd'])
  t.strictSame(scopes(undefined, { scp: ['c', 1, 'd e'] }), ['c', 'd e'])
  t.strictSame(scopes(undefined, { scope: 7 }), [])
  t.strictSame(scopes(undefined, {}), [])
})

t.test('a moment is an integer that a clear line can hold', async t => {
  t.equal(moment(1000, 500), 1500)
  t.equal(moment(1000, 0.7), 1000)
  t.equal(moment(1000, -5), 995)
  t.equal(moment(1000, 1e300), Number.MAX_SAFE_INTEGER)
  t.equal(moment(1000, Infinity), Number.MAX_SAFE_INTEGER)
})
