// Whatever is wrong with a ticket or a record: 401 or 400, never a crash, never a wrong user.
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { startGateway } from '../fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo } from '../fixtures/login-api.ts'
import { startRedis } from '../fixtures/redis.ts'
import { startUpstream } from '../fixtures/upstream.ts'

const keyOf = (ticket: string) =>
  `claimcheck:session:${createHash('sha256').update(ticket).digest('hex')}`

t.test(
  'tickets and records that are not what they should be (CK-10, CK-11, CK-12, FL-05, SL-13)',
  async t => {
    const redis = await startRedis(t)
    const api = createLoginApi()
    const upstream = await startUpstream(t, api.answer)
    const gateway = await startGateway(t, `redis: { url: ${redis.url} }\n${routesTo(upstream.url)}`)
    const alice = await login(gateway, 'alice')
    const bob = await login(gateway, 'bob')

    const refused = async (cookie: string, status: number, why: string) => {
      const before = upstream.bytes()
      const response = await get(gateway, '/api/x', cookie)
      t.equal(response.status, status, why)
      t.equal(upstream.bytes(), before, `${why}: the upstream saw nothing`)
    }
    const name = '__Host-Http-session'
    await refused(`${name}=${randomBytes(32).toString('base64url')}`, 401, 'an unknown ticket')
    await refused(`${name}=${'a'.repeat(5000)}`, 401, 'a cookie of 5 KB')
    await refused(`${name}=`, 401, 'an empty cookie')
    await refused(`${name}=${alice.ticket}x`, 401, 'a longer ticket')
    await refused(`${name}="${alice.ticket}"`, 401, 'a quoted ticket')
    await refused(`${name}=${alice.ticket.slice(0, -1)}*`, 401, 'another alphabet')
    await refused(`__host-http-session=${alice.ticket}`, 401, 'another case')
    await refused(`%5f_Host-Http-session=${alice.ticket}`, 401, 'an encoded name')
    await refused(`${alice.cookie}; ${bob.cookie}`, 400, 'two session cookies')
    await refused(`${bob.cookie}; ${alice.cookie}`, 400, 'two session cookies, the other way round')
    await refused(`${alice.cookie}; ${alice.cookie}`, 400, 'the same cookie twice')
    for (const path of [`/api/x?${name}=${alice.ticket}`, `/api/x?sid=${alice.ticket}`]) {
      t.equal((await get(gateway, path, '')).status, 401, 'a ticket counts in the cookie only')
    }

    const key = keyOf(alice.ticket)
    const record = (await redis.client.getBuffer(key)) ?? Buffer.alloc(0)
    const line = record.indexOf(0x0a)
    const put = (value: Buffer | string) => redis.client.set(key, value, 'PX', 60_000)
    const flipped = (at: number) => {
      const copy = Buffer.from(record)
      copy[at] = (copy[at] ?? 0) ^ 1
      return copy
    }
    const spots = {
      'the clear line': record.indexOf('alice') + 2,
      'the newline': line,
      'the nonce': line + 3,
      'the tag': line + 1 + 12 + 5,
      'the ciphertext': line + 1 + 12 + 16 + 9,
      'the last byte': record.length - 1,
    }
    for (const [part, at] of Object.entries(spots)) {
      await put(flipped(at))
      await refused(alice.cookie, 401, `one flipped bit in ${part}`)
    }
    const other = (await redis.client.getBuffer(keyOf(bob.ticket))) ?? Buffer.alloc(0)
    await put(other)
    await refused(alice.cookie, 401, "bob's record under alice's handle")
    await put(
      Buffer.concat([
        Buffer.from(record.toString('latin1', 0, line).replace('"v":1', '"v":9'), 'latin1'),
        record.subarray(line),
      ]),
    )
    await refused(alice.cookie, 401, 'a version from the future')
    await put(record.subarray(0, line + 10))
    await refused(alice.cookie, 401, 'a truncated record')
    await put('garbage')
    await refused(alice.cookie, 401, 'garbage')
    await redis.client.del(key)
    await redis.client.rpush(key, 'a', 'list')
    await refused(alice.cookie, 401, 'a list under the key')
    await redis.client.del(key)

    const still = await get(gateway, '/api/x', bob.cookie)
    t.match(
      await still.json(),
      { authorization: `Bearer ${api.issued[1]}` },
      'everybody else is who they were',
    )
  },
)
