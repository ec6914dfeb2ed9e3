import t from 'tap'
import { type Buffered, createBuffer } from '../../src/proxy/buffer.ts'

const run = (limit: number, chunks: readonly string[]) => {
  let answer: Buffered | undefined | 'nothing' = 'nothing'
  const sink = createBuffer(limit, whole => {
    answer = whole
  })
  sink.writeHead(201, 'Created', ['x-a', '1'])
  sink.flushHeaders()
  for (const chunk of chunks) {
    t.equal(sink.write(Buffer.from(chunk)), true, 'it never asks to wait')
    sink.once('drain', () => t.fail('nobody waits'))
  }
  t.equal(sink.headersSent, false, 'until the end a failure can be answered')
  sink.end()
  return answer as Buffered | undefined | 'nothing'
}

t.test('a whole answer is kept as it came', async t => {
  t.strictSame(run(6, ['abc', 'def']), {
    status: 201,
    headers: ['x-a', '1'],
    body: Buffer.from('abcdef'),
  })
  t.match(run(6, []), { body: Buffer.alloc(0) })
})

t.test('one that is too long is none', async t => {
  t.equal(run(5, ['abc', 'def', 'g']), undefined)
})

t.test('one that breaks off never comes', async t => {
  const sink = createBuffer(5, () => t.fail('it is not whole'))
  sink.write(Buffer.from('abc'))
  sink.destroy()
})

t.test('a small portion does not hold the large one that it was read with', async t => {
  const large = Buffer.from('abc'.padEnd(64 * 1024, 'x'))
  let body: Buffer | undefined
  const sink = createBuffer(5, whole => {
    body = whole?.body
  })
  const copies: Buffer[] = []
  const { concat } = Buffer
  const value = (chunks: Buffer[]): Buffer => {
    copies.push(...chunks)
    return concat(chunks)
  }
  t.intercept(Buffer, 'concat', { value })
  sink.write(large.subarray(0, 3))
  sink.end()
  t.equal(`${body}`, 'abc')
  t.not(copies[0]?.buffer, large.buffer)
})
