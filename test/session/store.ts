import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { Redis } from '../../src/redis/client.ts'
import { createKeys } from '../../src/session/keys.ts'
import { parseLine } from '../../src/session/record.ts'
import type { Store } from '../../src/session/store.ts'
import { startRedis } from '../fixtures/redis.ts'
import { begin, connect, loginOf, openStore, prefix } from '../fixtures/sessions.ts'
import { startTcpProxy } from '../fixtures/tcp-proxy.ts'
import { until } from '../fixtures/until.ts'

const server = await startRedis(
  t,
  ...['--appendfsync', 'everysec', '--slowlog-log-slower-than', '0', '--slowlog-max-len', '10000'],
)
const { client } = server
const keys = createKeys(prefix)
const here = await openStore(t, server.url)
const there = await openStore(t, server.url)

t.beforeEach(() => client.flushall())

/**
 * What must hold in Redis whatever happened: every key has a lifetime, no record outlives its absolute
 * end, and a live session is found by its person and by its sid.
 */
const checkInvariants = async () => {
  for (const key of await client.keys('*')) {
    const life = await client.pttl(key)
    if (life === -1) throw new Error(`${key} has no lifetime`)
    const handle = keys.handleOfKey(key)
    const line = handle === undefined ? undefined : String(await client.get(key)).split('\n')[0]
    const meta = line === undefined ? undefined : parseLine(Buffer.from(line))
    if (handle === undefined || meta === undefined || life === -2) continue
    const { provider, sub, sid, expires } = meta
    if ((await client.pexpiretime(key)) > expires) throw new Error(`${key} lives too long`)
    const score = await client.zscore(keys.user(provider, sub), handle)
    if (score === null) continue
    if (Number(score) !== expires) throw new Error(`${key} is listed until ${score}`)
    if ((await client.pexpiretime(keys.user(provider, sub))) < expires) {
      throw new Error(`the user key goes before ${key}`)
    }
    if (sid === undefined) continue
    if ((await client.sismember(keys.sid(provider, sid), handle)) !== 1) {
      throw new Error(`${key} is not found by its sid`)
    }
    if ((await client.pexpiretime(keys.sid(provider, sid))) < expires) {
      throw new Error(`the set of the sid goes before ${key}`)
    }
  }
}

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

t.test('no interleaving brings a deleted session back (SL-08)', { timeout: 120_000 }, async t => {
  const tokens = { accessToken: 'late', claims: {} }
  let person = 0
  const attempt = async (ending: string, others: readonly string[], gaps: readonly number[]) => {
    const sub = `person ${person++}`
    const sid = `sid of ${sub}`
    const { ticket, handle } = await begin(here, loginOf(sub, { sid }))
    const session = await here.read(ticket)
    if (session === undefined) throw new Error('no session')
    const user = keys.user('oidc', sub)
    const record = keys.session(handle)
    const born: string[] = []
    const acts: Record<string, () => Promise<unknown>> = {
      touch: () => here.touch(session),
      replace: () => here.replace(ticket, session, tokens, 1000),
      create: async () => born.push((await begin(here, loginOf(sub, { sid }))).ticket),
      renew: async () => {
        born.push((await begin(here, loginOf('other', { sid }), { presented: [handle] })).ticket)
      },
      list: () => here.list('oidc', sub),
      delRecord: () => client.del(record),
      delUser: () => client.del(user),
      end: () => there.end(handle),
      endUser: () => there.endUser('oidc', sub),
      endSid: () => there.endSid('oidc', sid),
      endAll: () => there.endAll(),
    }
    await Promise.all(
      [ending, ...others].map(async (name, index) => {
        await turns(gaps[index] ?? 0)
        await acts[name]?.()
      }),
    )
    const dead = async () => {
      if ((await here.read(ticket)) !== undefined) throw new Error('it is back')
      const [there, score] = [await client.exists(record), await client.zscore(user, handle)]
      if (there === 1 && score !== null) throw new Error('record and listing are back')
    }
    await dead()
    if (await here.touch(session)) throw new Error('touched')
    if ((await here.replace(ticket, session, tokens, 1000)) !== 'gone') throw new Error('replaced')
    await dead()
    if (person % 20 === 0) await checkInvariants()
    if (person % 100 === 0) await client.flushall()
  }
  const names = (...list: string[]) => fc.constantFrom(...list)
  await fc.assert(
    fc.asyncProperty(
      names('delRecord', 'delUser', 'end', 'endUser', 'endSid', 'endAll'),
      fc.array(names('touch', 'replace', 'create', 'renew', 'list', 'delRecord', 'end'), {
        minLength: 1,
        maxLength: 5,
      }),
      fc.array(fc.nat(4), { maxLength: 6 }),
      attempt,
    ),
    { numRuns: 1000, endOnFailure: true },
  )
  await checkInvariants()
  t.ok(person >= 1000)
})

t.test('a link that is cut at any command leaves no half a session (SL-09)', async t => {
  const proxy = await startTcpProxy(t, server.port)
  const steps: Record<string, (store: Store, old: string, ticket: string) => Promise<unknown>> = {
    create: (store, old) => store.create(loginOf('alice', { sid: 's1' }), { presented: [old] }),
    touch: async (store, _old, ticket) => {
      const session = await here.read(ticket)
      if (session !== undefined) await store.touch(session)
    },
    replace: async (store, _old, ticket) => {
      const read = await here.readTokens(ticket)
      if (read !== undefined) await store.replace(ticket, read.session, read.tokens, 1000)
    },
    list: store => store.list('oidc', 'alice'),
    end: (store, old) => store.end(old, { mark: true }),
    endOthers: (store, old) => store.endOthers('oidc', 'alice', old),
    endUser: store => store.endUser('oidc', 'alice'),
    endSid: store => store.endSid('oidc', 's1'),
    endAll: store => store.endAll(),
  }
  for (const [name, step] of Object.entries(steps)) {
    let failed = 0
    for (const lost of ['command', 'answer'] as const) {
      for (let last = 1, whole = false; !whole; last++) {
        await client.flushall()
        const redis = await connect(t, `redis://127.0.0.1:${proxy.port}`, 100)
        let sent = 0
        const send: Redis['sendCommand'] = redis.sendCommand.bind(redis)
        redis.sendCommand = (command, stream) => {
          if (++sent === last) proxy.blackhole(lost === 'command' ? 'toServer' : 'toClient')
          return send(command, stream)
        }
        const { handle: old, ticket } = await begin(here, loginOf('alice', { sid: 's1' }))
        await begin(here, loginOf('alice', { sid: 's2' }))
        await begin(here, loginOf('bob', { sid: 's1' }))
        const store = await openStore(t, server.url, { redis, maxPerUser: 2 })
        await step(store, old, ticket).then(
          () => {
            // What fails after the deed is done (the sid's set, WAIT) is not held against it.
            whole = sent < last
          },
          (error: unknown) => {
            t.match(error, { code: 'redis_unavailable' }, `${name} without ${lost} ${last}`)
            failed++
          },
        )
        await checkInvariants()
        if (name.startsWith('end')) {
          await step(there, old, ticket)
          t.equal((await here.read(ticket)) !== undefined, name === 'endOthers')
          await checkInvariants()
        }
        proxy.pass()
        redis.disconnect()
      }
    }
    t.ok(failed > 0, `${name} failed ${failed} times`)
  }
})

t.test('no ticket and no token is ever in Redis (CK-08, TK-03)', async t => {
  const monitor = await client.monitor()
  const heard: string[] = []
  monitor.on('monitor', (_time: string, args: string[]) => heard.push(args.join(' ')))
  const secrets: string[] = []
  const login = (sub: string) => {
    const made = loginOf(sub, { sid: 's1', tokenExpires: 1000, ip: '::1', agent: 'curl/8' })
    const { accessToken, refreshToken = '', idToken = '' } = made.tokens
    for (const jwt of [accessToken, idToken]) secrets.push(...jwt.split('.').slice(1))
    secrets.push(refreshToken, `the name of ${sub}`)
    return made
  }
  const seen = async (ticket: string) => {
    secrets.push(ticket)
    const read = await here.readTokens(ticket)
    if (read === undefined) throw new Error('no session')
    return read
  }

  const first = await begin(here, login('alice'))
  await seen(first.ticket)
  const second = await begin(here, login('alice'), { presented: [first.handle] })
  const { session } = await seen(second.ticket)
  await here.touch(session)
  await here.replace(second.ticket, session, login('alice').tokens, 1000)
  await here.list('oidc', 'alice')
  await here.show(second.handle)
  const third = await begin(here, login('bob'))
  await seen(third.ticket)
  for (const name of await client.keys('*')) {
    const dump = (await client.dumpBuffer(name)) ?? Buffer.alloc(0)
    for (const secret of [...secrets, ...secrets.map(base64)]) t.notOk(dump.includes(secret), name)
  }
  await here.end(third.handle, { mark: true })
  await here.endUser('oidc', 'alice')
  await here.endSid('oidc', 's1')
  await here.endAll()
  await client.echo('the end')
  await until(() => heard.some(command => command.includes('the end')))
  monitor.disconnect()

  const slow = await client.slowlog('GET', -1)
  await server.stop()
  const files = join(server.dir, 'appendonlydir')
  const names = await readdir(files)
  const log = Buffer.concat(await Promise.all(names.map(name => readFile(join(files, name)))))
  await server.start()
  const everything: Record<string, string> = {
    MONITOR: heard.join('\n'),
    SLOWLOG: JSON.stringify(slow),
    AOF: log.toString('latin1'),
  }
  for (const [where, text] of Object.entries(everything)) {
    t.ok(text.includes(second.handle), `the handle is in ${where}`)
    for (const secret of secrets) {
      t.ok(secret.length >= 8)
      for (const shape of [secret, base64(secret)]) {
        if (text.includes(shape)) t.fail(`${shape} is in ${where}`)
      }
    }
  }
})

const base64 = (text: string) => Buffer.from(text).toString('base64').replace(/=+$/, '')

t.test('a session survives a restart of Redis, and a deleted one does not come back', async t => {
  // With `appendfsync everysec` a busy disk can hold back what a SIGKILL then loses.
  const strict = await startRedis(t, '--appendfsync', 'always')
  const store = await openStore(t, strict.url)
  const kept = await begin(store, loginOf('alice'))
  const gone = await begin(store, loginOf('alice'))
  const byHand = await begin(store, loginOf('alice'))
  await store.end(gone.handle)
  await strict.client.del(keys.session(byHand.handle))
  await strict.kill()
  await t.rejects(store.read(kept.ticket), { code: 'redis_unavailable' })
  await strict.start()
  const again = await openStore(t, strict.url)
  t.ok(await again.read(kept.ticket))
  t.equal(await again.read(gone.ticket), undefined)
  t.equal(await again.read(byHand.ticket), undefined)
})

t.test('the store says what time Redis has', async t => {
  const again = await openStore(t, server.url)
  const [seconds] = await client.time()
  const now = await again.now()
  t.ok(now >= Number(seconds) * 1000 && now < Number(seconds) * 1000 + 60_000)
})
