import fc from 'fast-check'
import t from 'tap'
import { keysOf } from '../../src/config/problem.ts'
import { cutJson } from '../../src/login/json-text.ts'

const pointersOf = (...texts: string[]) => texts.map(keysOf)

const cut = (text: string, ...pointers: string[]): string => {
  const json = cutJson(text, pointersOf(...pointers))
  return json.kind === 'cut' ? json.text : `refused: ${json.reason}`
}

t.test('cuts a member with one comma and leaves every other byte', async t => {
  const cases: [text: string, pointers: string[], rest: string][] = [
    ['{"t":"x"}', ['/t'], '{}'],
    ['{"t":"x","a":1}', ['/t'], '{"a":1}'],
    ['{"a":1,"t":"x"}', ['/t'], '{"a":1}'],
    ['{"a":1,"t":"x","b":2}', ['/t'], '{"a":1,"b":2}'],
    ['{"a":1,"t":"x","u":[{}],"b":2}', ['/t', '/u'], '{"a":1,"b":2}'],
    ['{"t":"x","a":1,"u":"y"}', ['/t', '/u'], '{"a":1}'],
    ['{"a":1,"t":"x","u":"y"}', ['/t', '/u'], '{"a":1}'],
    ['{ "t" : "x" , "u" : "y" }', ['/t', '/u'], '{  }'],
    ['{\n  "a": 1,\n  "t": "x",\n  "b": 2.50\n}\n', ['/t'], '{\n  "a": 1,\n  "b": 2.50\n}\n'],
    ['{\n  "a": 1e3,\n  "t": "x"\n}', ['/t'], '{\n  "a": 1e3\n}'],
    ['{"a":"\\u00e4\\/ü😀","t":null}', ['/t'], '{"a":"\\u00e4\\/ü😀"}'],
    ['{"n":12345678901234567890,"t":0}', ['/t'], '{"n":12345678901234567890}'],
  ]
  for (const [text, pointers, rest] of cases) t.equal(cut(text, ...pointers), rest, text)
})

t.test('finds what a pointer names, however its key is written', async t => {
  t.equal(cut('{"\\u0074":"x","a":1}', '/t'), '{"a":1}')
  t.equal(cut('{"d":{"t":{"x":"y"},"a":1}}', '/d/t/x'), '{"d":{"t":{},"a":1}}')
  t.equal(cut('{"a/b":{"~":1,"c":2}}', '/a~1b/~0'), '{"a/b":{"c":2}}')
  t.equal(cut('{"":{"":1},"a":2}', '//'), '{"":{},"a":2}')
  t.equal(cut('{"__proto__":1,"a":2}', '/__proto__'), '{"a":2}')
  t.equal(cut('[1,{"t":2},3]', '/0', '/1/t'), '[{},3]')
  t.equal(cut('{"l":["a" , "b" , "c"]}', '/l/1'), '{"l":["a" , "c"]}')
  t.equal(cut('[[1,2],[3,4]]', '/1/0'), '[[1,2],[4]]')
})

t.test('cuts nothing where a pointer leads nowhere', async t => {
  for (const pointer of ['/x', '/a/b', '/l/01', '/l/-', '/l/2', '/l/length', '/a/0']) {
    t.equal(cut('{"a":"t","l":[1,2]}', pointer), '{"a":"t","l":[1,2]}', pointer)
  }
  t.equal(cut('"text"', '/0'), '"text"')
  t.equal(cut(' 1 ', '/0'), ' 1 ')
})

t.test('cuts once what is named twice or lies within a cut', async t => {
  const text = '{"a":{"t":"x","u":"y"},"b":1}'
  t.equal(cut(text, '/a', '/a'), '{"b":1}')
  t.equal(cut(text, '/a/t', '/a'), '{"b":1}')
  t.equal(cut(text, '/a', '/a/t'), '{"b":1}')
})

t.test('gives the value as it was before the cut', async t => {
  t.match(cutJson('{"t":"x","a":1}', pointersOf('/t')), { value: { t: 'x', a: 1 } })
})

t.test('refuses duplicate keys at any level, compared unescaped', async t => {
  const duplicate = 'refused: has a duplicate key'
  t.equal(cut('{"a":1,"a":1}'), duplicate)
  t.equal(cut('{"access_token":1,"\\u0061ccess_token":2}'), duplicate)
  t.equal(cut('{"x":[{"y":{"a":1,"b":2,"a":3}}]}'), duplicate)
  t.equal(cut('{"t":{"a":1,"a":2}}', '/t'), duplicate)
  t.equal(cut('{"__proto__":1,"__proto__":2}'), duplicate)
  t.equal(cut('{"/":1,"\\/":2}'), duplicate)
  t.equal(cut('{"a":{"a":[{"a":1},{"a":1}]},"A":1}'), '{"a":{"a":[{"a":1},{"a":1}]},"A":1}')
})

t.test('refuses what is not JSON by RFC 8259', async t => {
  const texts = [
    ...['', ' ', '{', '{"a":1', '{"a":1}}', '{"a":1,}', '[1,]', '{a:1}', "{'a':1}", '"a', '"\n"'],
    ...['01', '+1', '.5', '1.', 'NaN', 'undefined', 'tru', '{}{}', '/**/{}', '"\\x61"', '\u00a0{}'],
    '\ufeff{"a":1}',
  ]
  for (const text of texts) t.equal(cut(text), 'refused: is not JSON', JSON.stringify(text))
})

t.test('refuses lone surrogates, escaped or not, in keys and values', async t => {
  const lone = 'refused: has a lone surrogate'
  t.equal(cut('{"a":"\\ud800"}'), lone)
  t.equal(cut('{"\\udc00":1}'), lone)
  t.equal(cut('{"a":"\\udc00\\ud800"}'), lone)
  t.equal(cut('{"a":"\ud800"}'), lone)
  t.equal(cut('{"a":"\ud83d\\ude00"}'), lone)
  t.equal(cut('{"a":"\\ud83d\\ude00\\\\ud800"}'), '{"a":"\\ud83d\\ude00\\\\ud800"}')
})

t.test('reads 64 levels and refuses the 65th', async t => {
  const nested = (levels: number) => `${'[{"a":'.repeat(levels / 2)}[]${'}]'.repeat(levels / 2)}`
  t.equal(cut(nested(62)), nested(62))
  t.equal(cut(`[${nested(62)}]`), `[${nested(62)}]`)
  t.equal(cut(nested(64)), 'refused: has more than 64 levels')
})

t.test('says nothing of the text in a reason', async t => {
  for (const text of ['{"t":"secret"', '{"secret":1,"secret":2}', '{"t":"secret\\ud800"}']) {
    t.notMatch(cut(text), /secret/)
  }
})

interface Written {
  full: string
  /** As it has to be once the chosen parts are cut. */
  rest: string
}

/** Writes JSON with white space and escapes that depend on `noise`, and the cut text beside it. */
const writer = (noise: readonly number[], chosen: (path: string) => boolean) => {
  let turn = 0
  const next = () => noise[turn++ % noise.length] ?? 0
  const gap = () => ['', '', ' ', '\n\t', ' \r\n'][next() % 5] ?? ''
  const string = (text: string) =>
    `"${[...text]
      .map(char => {
        const plain = JSON.stringify(char).slice(1, -1)
        if (next() % 4 !== 0) return plain
        return char.replace(
          /[\s\S]/g,
          unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        )
      })
      .join('')}"`

  const write = (value: unknown, path: string): Written => {
    if (typeof value === 'string') {
      const text = string(value)
      return { full: text, rest: text }
    }
    if (typeof value !== 'object' || value === null) {
      const text = JSON.stringify(value)
      return { full: text, rest: text }
    }
    const [open, close] = Array.isArray(value) ? '[]' : '{}'
    const parts = Object.entries(value).map(([key, item]) => {
      const at = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
      const label = Array.isArray(value) ? '' : `${string(key)}${gap()}:${gap()}`
      const inner = write(item, at)
      const part = { full: label + inner.full, rest: label + inner.rest }
      return { ...part, before: gap(), after: gap(), cut: chosen(at) }
    })
    const full = parts.map(part => part.before + part.full + part.after).join(',')
    const last = parts.at(-1)
    if (last === undefined) {
      const text = `${open}${gap()}${close}`
      return { full: text, rest: text }
    }
    // A part goes with the comma and the gap behind it: the next one stands where it stood. Behind
    // the last that stays is the gap that was behind the last of all.
    const kept = parts.flatMap((part, i) => {
      const standsAt = parts.slice(0, i).findLastIndex(earlier => !earlier.cut) + 1
      return part.cut ? [] : [{ ...part, before: parts[standsAt]?.before ?? '' }]
    })
    const rest =
      kept.length === 0
        ? `${parts[0]?.before}${last.after}`
        : kept
            .map((part, i) => part.before + part.rest + (i < kept.length - 1 ? part : last).after)
            .join(',')
    return { full: `${open}${full}${close}`, rest: `${open}${rest}${close}` }
  }
  return write
}

const pathsOf = (value: unknown, path = ''): string[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, item]) => {
        const at = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
        return [at, ...pathsOf(item, at)]
      })

const prune = (value: unknown, cuts: ReadonlySet<string>, path = ''): unknown => {
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).flatMap(([key, item]) => {
    const at = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    return cuts.has(at) ? [] : [[key, prune(item, cuts, at)] as const]
  })
  return Array.isArray(value) ? kept.map(([, item]) => item) : Object.fromEntries(kept)
}

t.test('any JSON, cut anywhere, parses to what is left and keeps its other bytes', async () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 5 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 50 }),
      fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 20 }),
      (value, noise, choice) => {
        const cuts = new Set(pathsOf(value).filter((_, i) => choice[i % choice.length] === 0))
        const { full, rest } = writer(noise, path => cuts.has(path))(value, '')
        const json = cutJson(full, pointersOf(...cuts, '/no/such/member'))
        if (json.kind === 'refused') return false
        const left = JSON.stringify(prune(JSON.parse(full), cuts))
        return json.text === rest && JSON.stringify(JSON.parse(json.text)) === left
      },
    ),
    { numRuns: 2_000 },
  )
})

t.test('any text is read as JSON.parse reads it, or refused for a stated reason', async () => {
  const piece = fc.constantFrom(
    ...['{', '}', '[', ']', ',', ':', '"', '\\', ' ', '\n', '1', '-', '.', 'e', 'true', 'null'],
    ...['"a"', '"b"', '\\"', '\\u0061', '\\ud800', '\ud800', 'é', '\0'],
  )
  const parses = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
      const text = pieces.join('')
      const json = cutJson(text, pointersOf('/a', '/b/a'))
      if (json.kind === 'cut') return parses(text) && parses(json.text)
      return !parses(text) || /duplicate|surrogate/.test(json.reason)
    }),
    { numRuns: 8_000 },
  )
})

t.test('takes time in proportion to the text, whatever it holds (RL-08)', async t => {
  const shapes: Record<string, (size: number) => string> = {
    elements: size => `[${'0,'.repeat(size / 2)}0]`,
    objects: size => `[${'{"a":1},'.repeat(size / 8)}0]`,
    keys: size => `{${Array.from({ length: size / 11 }, (_, i) => `"${i}":0`).join(',')}}`,
    backslashes: size => `"${'\\\\'.repeat(size / 2)}"`,
    escapes: size => `{"a":"${'\\u0061'.repeat(size / 6)}"}`,
    spaces: size => `[${' '.repeat(size)}]`,
    depth: size => '['.repeat(size / 2) + ']'.repeat(size / 2),
    unclosed: size => `${'{"a":'.repeat(size / 5)}`,
    'one string': size => `"${'a'.repeat(size)}`,
  }
  for (const [name, shape] of Object.entries(shapes)) {
    const started = performance.now()
    cutJson(shape(1_000_000), pointersOf('/5', '/a/b', '/0/a'))
    // Quadratic would be minutes; this takes a tenth of a second.
    t.ok(performance.now() - started < 5_000, name)
  }
})
