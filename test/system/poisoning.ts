// Two people over the same pooled connections, before an upstream that answers too much, too little and unasked (PX-13).
import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { ok, type RawRequest, startRawUpstream } from '../fixtures/raw-upstream.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

type Test = Parameters<typeof startRedis>[0]

/** Whose request it is: the subject of the token that came with it. */
const ownerOf = ({ header }: RawRequest): string => {
  const payload = header('authorization')?.split('.')[1] ?? ''
  return payload === '' ? 'nobody' : JSON.parse(Buffer.from(payload, 'base64url').toString()).sub
}

const start = async (t: Test, misbehave: (socket: Socket, request: RawRequest) => void) => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const logins = await startUpstream(t, api.answer)
  const upstream = await startRawUpstream(t, misbehave)
  const gateway = await startGateway(
    t,
    `redis: { url: ${redis.url} }\n${routesTo(logins.url, `  - { path: /data, upstream: "${upstream.url}" }`)}`,
  )
  const alice = (await login(gateway, 'alice')).cookie
  const bob = (await login(gateway, 'bob')).cookie
  return { gateway, upstream, alice, bob }
}

/** What somebody got, or that it broke off: a status and a body, with all headers in it. */
const read = async (response: Response): Promise<string> => {
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n')
  const body = await response.text().catch(() => '(cut)')
  return `${response.status}\n${headers}\n${body}`
}

const mine = (owner: string) => `this is for ${owner}`
const evil = (owner: string) => ok(`this is for ${owner}, and for whoever comes next`)

/** What the upstream writes for each request of alice; bob is answered well. */
const tricks: Readonly<Record<string, (owner: string) => string>> = {
  'a second answer behind the first (CVE-2026-6733)': owner => ok(mine(owner)) + evil(owner),
  'three answers': owner => ok(mine(owner)) + evil(owner) + evil(owner),
  'more than the length it announced': owner => {
    const body = mine(owner)
    return `HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n${body}${evil(owner)}`
  },
  'an answer behind one of no length (CVE-2026-1525)': owner =>
    `HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n${evil(owner)}`,
  'an answer behind a 204': owner => `HTTP/1.1 204 No Content\r\n\r\n${evil(owner)}`,
  'an answer behind a 304': owner => `HTTP/1.1 304 Not Modified\r\n\r\n${evil(owner)}`,
  'an answer behind the last chunk': owner =>
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nthis\r\n0\r\n\r\n${evil(owner)}`,
  'trailers of names that count': owner =>
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nthis\r\n0\r\nset-cookie: owner=${owner}\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n`,
  'half an answer behind the first': owner =>
    `${ok(mine(owner))}HTTP/1.1 200 OK\r\ncontent-length: 50\r\nx-owner: ${owner}\r\n`,
  '1xx before and behind the answer': owner =>
    `HTTP/1.1 103 Early Hints\r\nx-owner: ${owner}\r\n\r\n${ok(mine(owner))}HTTP/1.1 103 Early Hints\r\nx-owner: ${owner}\r\n\r\n`,
  'an upgrade that nobody asked for': owner =>
    `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n${evil(owner)}`,
}

for (const [title, trick] of Object.entries(tricks)) {
  t.test(`${title}: neither gets a byte of the other's`, async t => {
    const { gateway, upstream, alice, bob } = await start(t, (socket, request) => {
      const owner = ownerOf(request)
      socket.write(owner === 'alice' ? trick(owner) : ok(mine(owner)))
    })
    for (let round = 0; round < 4; round++) {
      const forAlice = await read(await get(gateway, '/data/x', alice))
      const forBob = await read(await get(gateway, '/data/x', bob))
      t.notMatch(forAlice, 'bob')
      t.notMatch(forAlice, 'comes next')
      t.notMatch(forAlice, /set-cookie/i)
      t.match(forBob, /^200\n[\s\S]*\nthis is for bob$/)
    }
    t.ok(upstream.requests.length >= 8)
  })
}

t.test('an answer that comes before it is asked for goes to nobody', async t => {
  const idle: Socket[] = []
  const { gateway, upstream, alice, bob } = await start(t, (socket, request) => {
    socket.write(ok(mine(ownerOf(request))))
    if (ownerOf(request) === 'alice') idle.push(socket)
  })
  for (let round = 0; round < 10; round++) {
    t.match(await read(await get(gateway, '/data/x', alice)), /this is for alice$/)
    const socket = idle.at(-1)
    if (socket === undefined) throw new Error('alice has no connection')
    socket.write(evil('alice'))
    // What crosses with a request cannot be told from its answer; so after the first time, connections are not shared.
    if (round === 0) await once(socket, 'close')
    t.match(await read(await get(gateway, '/data/x', bob)), /this is for bob$/)
    t.match(await read(await get(gateway, '/data/x', bob)), /this is for bob$/)
  }
  t.equal(upstream.requests.length, 30)
  t.ok(upstream.connections() >= 29)
})

t.test('an answer shorter than it said is cut, and its connection is not used again', async t => {
  const { gateway, alice, bob } = await start(t, (socket, request) => {
    const owner = ownerOf(request)
    if (owner === 'bob') return void socket.write(ok(mine(owner)))
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n${mine(owner)}`, () => socket.end())
  })
  for (let round = 0; round < 4; round++) {
    const [forAlice, forBob] = await Promise.all([
      get(gateway, '/data/x', alice).then(read),
      get(gateway, '/data/x', bob).then(read),
    ])
    t.match(forAlice, /\(cut\)$/, 'half an answer does not pass for a whole one')
    t.match(forBob, /this is for bob$/)
  }
})

t.test('an answer that stalls is not finished by the answer to somebody else', async t => {
  const stalled: Socket[] = []
  const { gateway, alice, bob } = await start(t, (socket, request) => {
    const owner = ownerOf(request)
    if (owner === 'bob') return void socket.write(ok(mine(owner)))
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n${mine(owner)}`)
    stalled.push(socket)
  })
  const response = await get(gateway, '/data/x', alice)
  for (let i = 0; i < 5; i++) {
    t.match(await read(await get(gateway, '/data/x', bob)), /this is for bob$/)
  }
  stalled[0]?.end('x'.repeat(100 - mine('alice').length))
  t.equal(await response.text(), mine('alice').padEnd(100, 'x'))
})

t.test('many at once: each answer says whose it is', async t => {
  const { gateway, upstream, alice, bob } = await start(t, (socket, request) => {
    const owner = ownerOf(request)
    const number = Number(/\d+/.exec(request.line)?.[0])
    const answer = ok(`${owner} ${number}`)
    // Every seventh answer carries a second one, every eleventh breaks off.
    if (number % 11 === 0) socket.end(answer.slice(0, -1))
    else socket.write(number % 7 === 0 ? answer + evil(owner) : answer)
  })
  const ask = async (number: number) => {
    const [owner, cookie] = number % 2 === 0 ? ['alice', alice] : ['bob', bob]
    const text = await read(await get(gateway, `/data/${number}`, cookie))
    if (number % 11 === 0) return t.notOk(text.endsWith(`${owner} ${number}`))
    return t.ok(text.startsWith('200\n') && text.endsWith(`\n${owner} ${number}`), text)
  }
  for (let block = 0; block < 400; block += 40) {
    await Promise.all(Array.from({ length: 40 }, (_, i) => ask(block + i + 1)))
  }
  t.equal(upstream.requests.length, 400)
})
