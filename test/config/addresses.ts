import t from 'tap'
import { isLoopback, readAddress, wrongWithNetwork } from '../../src/config/addresses.ts'

t.test('an address is a host and a port', t => {
  t.same(readAddress('127.0.0.1:8080'), { host: '127.0.0.1', port: 8080 })
  t.same(readAddress('[::1]:0'), { host: '::1', port: 0 })
  t.same(readAddress('localhost:65535'), { host: 'localhost', port: 65_535 })
  t.same(readAddress('redis-1.my_net.internal:26379'), {
    host: 'redis-1.my_net.internal',
    port: 26_379,
  })
  for (const text of [
    ...['', '8080', ':8080', 'localhost', 'localhost:', 'localhost:65536', 'localhost:http'],
    ...['::1:8080', '[::1]', '[127.0.0.1]:80', '[::g]:80', '256.0.0.1:80', '127.1:80', 'a b:80'],
    ...['-a:80', 'http://localhost:80', 'localhost:80/', '*:80', 'a..b:80'],
  ])
    t.equal(readAddress(text), undefined, `not "${text}"`)
  t.end()
})

t.test('loopback is a matter of the name', t => {
  for (const host of ['localhost', 'app.localhost', '127.0.0.1', '127.1.2.3', '[::1]'])
    t.ok(isLoopback(host), host)
  for (const host of [
    'localhost.example.com',
    '127.example.com',
    '10.0.0.1',
    '[::]',
    'notlocalhost',
  ])
    t.notOk(isLoopback(host), host)
  t.end()
})

t.test('a network is a CIDR or one address', t => {
  for (const text of ['10.0.0.0/8', '192.0.2.1', 'fd00::/8', '::1', '::ffff:10.0.0.0/104'])
    t.equal(wrongWithNetwork(text), undefined, text)
  for (const text of [
    '',
    'true',
    '*',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0/8',
    'fd00::/129',
    '10.0.0.0/8/8',
    'all',
    '1.2.3.4/-1',
  ])
    t.match(wrongWithNetwork(text), /^must be a network such as/, `not "${text}"`)
  t.end()
})

t.test('CF-04: a network that holds every address is refused, also an IPv4-mapped one', t => {
  for (const text of [
    '0.0.0.0/0',
    '10.0.0.0/0',
    '::/0',
    '::ffff:10.0.0.0/8',
    '::ffff:0.0.0.0/96',
    '::/80',
    '::/1',
  ])
    t.match(wrongWithNetwork(text), /every address/, text)
  t.equal(wrongWithNetwork('2001:db8::/32'), undefined, 'but not a short prefix elsewhere')
  t.end()
})
