import fc from 'fast-check'
import t from 'tap'
import { closeFrame, Frames } from '../../src/proxy/frames.ts'
import { frameOf, readFrames } from '../fixtures/websocket.ts'

const lengths = fc.oneof(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000), fc.nat(300))
const frames = fc.array(fc.tuple(lengths, fc.boolean()), { maxLength: 8 })

t.test('ends of frames are found, however the bytes are cut into chunks', t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 40_000 })), (wanted, cuts) => {
        const parts = wanted.map(([length, mask]) => frameOf(Buffer.alloc(length, 0x81), 2, mask))
        const bytes = Buffer.concat(parts)
        let sum = 0
        const ends = new Set([0, ...parts.map(part => (sum += part.length))])
        const followed = new Frames()
        let at = 0
        for (let i = 0; at < bytes.length; i++) {
          const size = cuts[i % Math.max(1, cuts.length)] ?? 1
          const chunk = bytes.subarray(at, at + size)
          followed.read(chunk)
          at += chunk.length
          if (followed.whole !== ends.has(at)) return false
        }
        return followed.whole
      }),
      { numRuns: 60 },
    ),
  )
  t.end()
})

t.test('finish takes what belongs to the frame under way and no more', t => {
  const first = frameOf('x'.repeat(200))
  const second = frameOf('y')
  for (let cut = 0; cut <= first.length; cut++) {
    const followed = new Frames()
    followed.read(first.subarray(0, cut))
    const rest = Buffer.concat([first.subarray(cut), second])
    const taken = followed.finish(rest)
    const expected = cut === 0 ? 0 : first.length - cut
    if (taken !== expected || !followed.whole) t.fail(`cut at ${cut}: ${taken}`)
  }
  const followed = new Frames()
  followed.read(first.subarray(0, 1))
  t.equal(followed.finish(first.subarray(1, 10)), 9)
  t.notOk(followed.whole)
  t.end()
})

t.test('a Close frame has its code and reason', t => {
  const seen: string[] = []
  readFrames(({ opcode, payload }) =>
    seen.push(`${opcode} ${payload.readUInt16BE(0)} ${payload.subarray(2)}`),
  )(closeFrame(4401, 'session ended'))
  t.strictSame(seen, ['8 4401 session ended'])
  t.equal((closeFrame(4401, '')[1] ?? 0) & 0x80, 0, 'a server does not mask')
  t.end()
})
