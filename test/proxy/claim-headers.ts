import fc from 'fast-check'
import t from 'tap'
import { claimHeaders, encodeHeaderValue } from '../../src/proxy/claim-headers.ts'
import type { RoutePlan } from '../../src/proxy/plan.ts'

const route = (names: string[]) =>
  ({
    claimHeaders: names.map(name => ({
      header: `X-${name}`,
      read: (claims: Record<string, unknown>) => claims[name],
    })),
  }) as unknown as RoutePlan

t.test(
  'claims become header fields that hold no control, no line end and no byte beyond ASCII (HD-04)',
  async t => {
    t.strictSame(claimHeaders(route(['sub']), { sub: 'alice' }), ['X-sub', 'alice'])
    t.strictSame(claimHeaders(route(['sub']), { sub: 'Bob\rX-Admin: 1\n' }), [
      'X-sub',
      'Bob%0DX-Admin: 1%0A',
    ])
    t.strictSame(claimHeaders(route(['sub']), { sub: '名 %' }), ['X-sub', '%E5%90%8D %25'])
    t.strictSame(claimHeaders(route(['sub']), { sub: ' padded ' }), ['X-sub', '%20padded%20'])
  },
)

t.test(
  'numbers, booleans and lists are written out; what is absent or an object sends no header',
  async t => {
    const claims = { n: 7, b: true, list: ['a,b', 1], deep: { a: 1 }, mixed: [{}] }
    t.strictSame(claimHeaders(route(['n', 'b', 'list', 'deep', 'mixed', 'absent']), claims), [
      ...['X-n', '7', 'X-b', 'true', 'X-list', 'a%2Cb,1'],
    ])
  },
)

t.test(
  'whatever the claim, the value is a legal field value and decodes to the claim',
  async () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), value => {
        const encoded = encodeHeaderValue(value)
        return (
          /^[\x21-\x7e]*(?: *[\x21-\x7e]+)*$/.test(encoded) &&
          decodeURIComponent(encoded) === value.replace(/\p{Surrogate}/gu, '\ufffd')
        )
      }),
    )
  },
)
