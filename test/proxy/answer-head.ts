import t from 'tap'
import { isEventStream, isStatusText, removeLength } from '../../src/proxy/answer-head.ts'

t.test('a status text is visible text, or nothing', async t => {
  for (const text of ['OK', '', 'Not Found', 'caf\u00e9', 'a\tb']) t.ok(isStatusText(text), text)
  for (const text of ['a\r\nb', '\u0000', '\ufffd', 'a\u0080']) t.notOk(isStatusText(text))
})

t.test('Content-Length leaves in every spelling, as often as it stands', async t => {
  const headers = ['content-length', '1', 'x-a', 'content-length', 'Content-Length', '2']
  removeLength(headers)
  t.same(headers, ['x-a', 'content-length'])
})

t.test('an event stream is one by its type alone', async t => {
  t.ok(isEventStream(['x', 'y', 'Content-Type', 'Text/Event-Stream; charset=utf-8']))
  t.notOk(isEventStream(['content-type', 'text/plain', 'content-type', 'text/event-stream']))
  t.notOk(isEventStream(['x-type-of-it', 'text/event-stream']))
  t.notOk(isEventStream([]))
})
