import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { listenTo } from '../../src/redis/words.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

const from = (mark: string, text: string) => `71:M 21 Nov 2026 21:41:57.201 ${mark} ${text}\n`

t.test('trouble is logged as an error, the rest at debug; the last words are kept', async t => {
  const { log, lines } = recordLog()
  const [out, err] = [new PassThrough(), new PassThrough()]
  const lastWords = listenTo(out, err, log)
  t.equal(lastWords(), '')

  const advice = 'WARNING Memory overcommit must be enabled! A background save may fail'
  out.write(from('*', 'Ready to accept connections'))
  out.write(from('#', 'Server initialized'))
  out.write(from('#', advice))
  out.write('a line of another kind\n')
  out.write(from('#', 'Short write while writing to the AOF file: (nwritten=4046, expected=5030)'))
  out.end(from('#', 'Error writing to the AOF file: No space left on device'))
  await once(out, 'close')
  err.end('\n*** FATAL CONFIG FILE ERROR ***\n')
  await once(err, 'close')

  t.match(
    lines.map(({ level, msg }) => [level, msg]),
    [
      ['debug', 'Ready to accept connections'],
      ['debug', 'Server initialized'],
      ['debug', advice],
      ['debug', 'a line of another kind'],
      ['error', 'Short write while writing to the AOF file: (nwritten=4046, expected=5030)'],
      ['error', 'Error writing to the AOF file: No space left on device'],
      ['error', '*** FATAL CONFIG FILE ERROR ***'],
    ],
  )
  t.equal(
    lastWords(),
    'Server initialized; Short write while writing to the AOF file: (nwritten=4046, expected=5030); Error writing to the AOF file: No space left on device; *** FATAL CONFIG FILE ERROR ***',
  )
})

t.test('of many words the last are kept', async t => {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const lastWords = listenTo(out, err, recordLog().log)
  err.end(['a', 'b', 'c', 'd', 'e', 'f', 'g'].join('\n'))
  await once(err, 'close')
  t.equal(lastWords(), 'c; d; e; f; g')
})
