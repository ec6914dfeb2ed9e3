import t from 'tap'
import { readAtMost } from '../../src/login/read-at-most.ts'

t.test('reads a body up to its limit', async t => {
  t.equal((await readAtMost(5, new Response('12345'))).toString(), '12345')
  t.equal((await readAtMost(0, new Response(null))).length, 0)
  await t.rejects(readAtMost(4, new Response('12345')), { message: 'more than 4 bytes' })
})

t.test('stops an endless body', async t => {
  let cancelled = false
  const endless = new ReadableStream({
    pull: controller => controller.enqueue(new Uint8Array(1024)),
    cancel: () => {
      cancelled = true
    },
  })
  await t.rejects(readAtMost(100_000, new Response(endless)))
  t.ok(cancelled)
})
