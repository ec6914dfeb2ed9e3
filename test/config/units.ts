import t from 'tap'
import { parseCount, parseDuration, parseSize, parseWithin } from '../../src/config/units.ts'

t.test('a duration is a whole number with its unit, in milliseconds', t => {
  t.equal(parseDuration('500ms'), 500)
  t.equal(parseDuration('30s'), 30_000)
  t.equal(parseDuration('15m'), 900_000)
  t.equal(parseDuration('12h'), 43_200_000)
  t.equal(parseDuration('0s'), 0)
  for (const text of [
    '',
    '30',
    's',
    '1.5h',
    '-1s',
    '1 s',
    '1S',
    '1d',
    '1kb',
    '1s ',
    '0x1s',
    '1e3s',
  ])
    t.equal(parseDuration(text), undefined, `not "${text}"`)
  t.end()
})

t.test('a size is a whole number with its unit, in bytes; zero needs no unit', t => {
  t.equal(parseSize('0'), 0)
  t.equal(parseSize('64kb'), 65_536)
  t.equal(parseSize('10mb'), 10_485_760)
  t.equal(parseSize('1gb'), 1_073_741_824)
  for (const text of ['', '1', '00', '1k', '1KB', '1tb', '-1kb', '1s', '1.5mb'])
    t.equal(parseSize(text), undefined, `not "${text}"`)
  t.end()
})

t.test('a count is a whole number from 1 to the most', t => {
  t.equal(parseCount('1', 64), 1)
  t.equal(parseCount('64', 64), 64)
  for (const text of ['', '0', '65', '1.5', '-1', '01', '1e1', 'auto', 'true'])
    t.equal(parseCount(text, 64), undefined, `not "${text}"`)
  t.end()
})

t.test('a duration within limits is above zero unless the limits say otherwise', t => {
  t.equal(parseWithin({ most: '1m' }, '60s'), 60_000)
  t.equal(parseWithin({ most: '1m' }, '61s'), undefined)
  t.equal(parseWithin({ most: '1m' }, '0s'), undefined)
  t.equal(parseWithin({ least: '0s', most: '1m' }, '0s'), 0)
  t.equal(parseWithin({ least: '5s', most: '1m' }, '4s'), undefined)
  t.equal(parseWithin({ most: '1m' }, 'soon'), undefined)
  t.end()
})
