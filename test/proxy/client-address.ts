import t from 'tap'
import { createForwarding, networkOf } from '../../src/proxy/client-address.ts'

const publicUrl = new URL('https://app.example.com')

t.test(
  'nobody is believed by default: forwarding headers of a client change nothing (PX-14, CF-04)',
  async t => {
    const forwarding = createForwarding([], publicUrl)
    t.strictSame(forwarding('203.0.113.9', '10.0.0.1'), {
      client: '203.0.113.9',
      forwardedFor: '203.0.113.9',
      forwarded: 'for=203.0.113.9;host=app.example.com;proto=https',
      trusted: false,
    })
  },
)

t.test(
  'an IPv4-mapped peer is its IPv4 address; IPv6 is quoted in Forwarded (RFC 7239)',
  async t => {
    const forwarding = createForwarding([], publicUrl)
    t.equal(forwarding('::ffff:192.0.2.1', undefined).client, '192.0.2.1')
    const v6 = forwarding('2001:db8::7', undefined)
    t.equal(v6.forwardedFor, '2001:db8::7')
    t.match(v6.forwarded, 'for="[2001:db8::7]";')
  },
)

t.test('a trusted proxy is believed as far as trusted hops vouch for one another', async t => {
  const forwarding = createForwarding(['10.0.0.0/8', '2001:db8::/32'], publicUrl)
  t.equal(forwarding('10.0.0.1', '198.51.100.4').client, '198.51.100.4')
  t.equal(forwarding('::ffff:10.0.0.1', '198.51.100.4').client, '198.51.100.4')
  t.equal(
    forwarding('10.0.0.1', '6.6.6.6, 198.51.100.4, 10.0.0.2').client,
    '198.51.100.4',
    'what the client itself wrote before is not its address',
  )
  t.equal(
    forwarding('10.0.0.1', '6.6.6.6, 198.51.100.4, 10.0.0.2').forwardedFor,
    '198.51.100.4, 10.0.0.2, 10.0.0.1',
  )
  t.equal(forwarding('10.0.0.1', undefined).client, '10.0.0.1')
  t.equal(forwarding('10.0.0.1', 'garbage').client, '10.0.0.1')
  t.equal(forwarding('10.0.0.1', '10.0.0.3, 10.0.0.2').client, '10.0.0.3')
  t.equal(forwarding('2001:db8::1', '2001:dead::1').client, '2001:dead::1')
  t.equal(forwarding('11.0.0.1', '198.51.100.4').trusted, false)
})

t.test('a single address is trusted as itself, and a port in the public URL is quoted', async t => {
  const forwarding = createForwarding(['192.0.2.1', '::1'], new URL('http://localhost:8080'))
  t.equal(forwarding('192.0.2.1', '1.2.3.4').client, '1.2.3.4')
  t.equal(forwarding('192.0.2.2', '1.2.3.4').client, '192.0.2.2')
  t.equal(forwarding('::1', '1.2.3.4').client, '1.2.3.4')
  t.match(forwarding('192.0.2.2', undefined).forwarded, 'host="localhost:8080";proto=http')
})

t.test('who says for whom it forwards without being trusted is noticed (PX-14)', async t => {
  const heard: string[] = []
  const forwarding = createForwarding(['10.0.0.0/8'], publicUrl, peer => heard.push(peer))
  forwarding('203.0.113.9', undefined)
  forwarding('10.0.0.1', '198.51.100.4', 'for=198.51.100.4')
  t.strictSame(heard, [])
  forwarding('203.0.113.1', '10.0.0.1')
  forwarding('::ffff:203.0.113.2', undefined, 'for=10.0.0.1')
  t.strictSame(heard, ['203.0.113.1', '203.0.113.2'])
  createForwarding([], publicUrl, peer => heard.push(peer))('203.0.113.3', '', undefined)
  t.equal(heard.length, 3)
})

t.test('one client is an IPv4 address or the /64 of an IPv6 address (RL-04)', async t => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:0000:0000:0000:0001', '2001:db8:1:2::/64'],
    ['2001:db8::2:3:4:5', '2001:db8:0:0::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ] as const) {
    t.equal(networkOf(address), network, address)
  }
})
