import t from 'tap'
import { createUnknownForwarder } from '../../src/http/unknown-forwarder.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

t.test(
  'the first peer that forwards unasked is remembered, and warned of once (PX-14)',
  async t => {
    const { log, lines } = recordLog()
    const unknown = createUnknownForwarder(log)
    t.strictSame(unknown.notes(), [])
    for (const peer of ['10.0.0.1', '10.0.0.1', '10.0.0.2']) unknown.heard(peer)
    t.match(lines, [{ level: 'warn', peer: '10.0.0.1', msg: /trustedProxies/ }])
    t.equal(lines.length, 1)
    t.match(unknown.notes(), [/^10\.0\.0\.1 sends/])
    t.equal(unknown.notes().length, 1)
  },
)
