import t from 'tap'
import { foldCookies, setsOwnCookie, ticketOf, upstreamCookies } from '../../src/proxy/cookies.ts'

const name = '__Host-Http-session'
const ticket = 'uWj3rkHl8rbB9mqc2bEvq6uLmrj2YXl3mSnf2Gk1d0A'
const own = foldCookies([name, '__Host-Http-login'])
const one = { kind: 'one', value: ticket }

t.test('the ticket is found wherever it stands', t => {
  for (const header of [
    `${name}=${ticket}`,
    `a=b; ${name}=${ticket}`,
    `${name}=${ticket}; a=b`,
    `a=b;${name}=${ticket};c=d`,
    ` \t${name} = ${ticket}\t; `,
    `;;${name}=${ticket};`,
    `nameless; ${name}=${ticket}`,
    `a=${name}; ${name}=${ticket}`,
    `x${name}=z; ${name}=${ticket}; ${name}x=z`,
  ]) {
    t.same(ticketOf(header, name), one, header)
  }
  t.end()
})

t.test('without our cookie there is none', t => {
  for (const header of [
    undefined,
    '',
    ';',
    '=',
    name,
    `a=${name}`,
    `a=b; ${name}`,
    `=${name}=${ticket}`,
  ]) {
    t.same(ticketOf(header, name), { kind: 'none' }, `${header}`)
  }
  t.end()
})

t.test('CK-10: two of them are ambiguous, in either order and even if they are equal', t => {
  for (const [first, second] of [
    [ticket, 'x'],
    ['x', ticket],
    [ticket, ticket],
    ['', ticket],
    [ticket, ''],
  ]) {
    t.same(ticketOf(`${name}=${first}; a=b; ${name}=${second}`, name), { kind: 'many' })
  }
  t.end()
})

t.test('CK-11: the name is matched byte for byte (cookie-prefix bypasses of 2025)', t => {
  for (const spelling of [
    `\xe2\x80\x80${name}`,
    `\xc2\xa0${name}`,
    `\xa0${name}`,
    `\x0b${name}`,
    `${name}\xa0`,
    '__host-http-session',
    '__HOST-HTTP-SESSION',
    '%5f_Host-Http-session',
    `"${name}"`,
    `$${name}`,
    `${name}[]`,
  ]) {
    t.same(ticketOf(`${spelling}=${ticket}`, name), { kind: 'none' }, spelling)
    t.same(
      ticketOf(`${spelling}=x; ${name}=${ticket}`, name),
      one,
      `${spelling} beside the real one`,
    )
  }
  t.end()
})

t.test('CK-11: no quotes, escapes or $Version are understood', t => {
  t.same(ticketOf(`${name}="${ticket}"`, name), { kind: 'one', value: `"${ticket}"` })
  t.same(ticketOf(`$Version=1; ${name}="${ticket}"; $Path=/`, name), {
    kind: 'one',
    value: `"${ticket}"`,
  })
  t.same(ticketOf(`${name}=%75${ticket.slice(1)}`, name), {
    kind: 'one',
    value: `%75${ticket.slice(1)}`,
  })
  t.same(ticketOf(`a="x; ${name}=${ticket}; y"`, name), one, 'a quote hides nothing')
  t.same(ticketOf(`${name}=a=b`, name), { kind: 'one', value: 'a=b' })
  t.same(ticketOf(`${name}=`, name), { kind: 'one', value: '' })
  t.end()
})

t.test('CK-14: only listed cookies go upstream, by exact name', t => {
  const listed = new Set(['theme', 'lang'])
  t.equal(
    upstreamCookies(`a=1; theme=x; ${name}=${ticket}; lang = "d e" ;Theme=y`, listed, own),
    'theme=x; lang = "d e"',
  )
  t.equal(upstreamCookies('theme=x; theme=y', listed, own), 'theme=x; theme=y')
  t.equal(upstreamCookies('a=1; theme', listed, own), undefined)
  t.equal(upstreamCookies('theme=x', new Set(), own), undefined)
  t.end()
})

t.test('CK-14: all but ours for *', t => {
  t.equal(upstreamCookies(`a=1; ${name}=${ticket};; b ;__Host-Http-login=z`, '*', own), 'a=1; b')
  t.equal(upstreamCookies(`${name}=${ticket}`, '*', own), undefined)
  t.equal(upstreamCookies('a=%0d%0aX: 1', '*', own), 'a=%0d%0aX: 1', 'nothing is decoded')
  t.end()
})

const spellings = [
  name,
  '__host-http-session',
  '__HOST-HTTP-SESSION',
  ` ${name}`,
  `\t${name}\t`,
  `\xa0${name}`,
  `\xe2\x80\x80${name}`,
  `${name}\x01`,
  `__Host-\tHttp-session`,
  `"${name}"`,
  `=${name}`,
  ` = ${name}`,
  '__Host-Http-LOGIN',
]

t.test('CK-14: ours never go upstream, in any spelling and whatever is listed', t => {
  for (const spelling of spellings) {
    t.equal(upstreamCookies(`a=1; ${spelling}=x`, '*', own), 'a=1', spelling)
    t.equal(upstreamCookies(`${spelling}=x`, new Set([spelling, name]), own), undefined, spelling)
  }
  t.end()
})

t.test('CK-14: an upstream cannot set or remove ours, in any spelling', t => {
  for (const spelling of spellings) {
    t.ok(setsOwnCookie(`${spelling}=x; Path=/; Secure`, own), spelling)
    t.ok(setsOwnCookie(`${spelling}=; Max-Age=0`, own), spelling)
    t.ok(setsOwnCookie(`${spelling} = x`, own), spelling)
  }
  t.ok(setsOwnCookie(name, own))
  t.end()
})

t.test('cookies of the upstream’s own pass', t => {
  for (const value of [
    'session=x',
    `x${name}=y`,
    `${name}2=y`,
    `a=${name}=x`,
    `a=b; ${name}=x`,
    '__Host-session=x',
    '',
    '=',
    'x',
  ]) {
    t.notOk(setsOwnCookie(value, own), value)
  }
  t.end()
})
