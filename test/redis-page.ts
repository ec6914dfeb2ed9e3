// docs/redis.md against the names in the source and against a Redis that was really used.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createKeys } from '../src/session/keys.ts'
import { get, send } from './fixtures/login-api.ts'
import { startOpenidGateway } from './fixtures/openid-gateway.ts'
import { until } from './fixtures/until.ts'

const page = readFileSync(join(import.meta.dirname, '../docs/redis.md'), 'utf8')

/** Rows of the table under a head that begins with those words. */
const rowsUnder = (head: string): string[][] => {
  const lines = page.split('\n')
  const start = lines.findIndex(line => line.startsWith(head)) + 2
  const end = lines.indexOf('', start)
  return lines.slice(start, end).map(line => line.slice(2, -2).split(' | '))
}
const namesIn = (cell = ''): string[] =>
  Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name)
const documented = rowsUnder('| key | type').flatMap(([names, type = '', , life = '']) =>
  namesIn(names).map(name => ({ name, type, life })),
)
/** `session:<handle>` as the keys that it stands for. */
const formOf = (name: string): RegExp =>
  new RegExp(`^claimcheck:${name.replace(/<[^>]+>/g, '[^:]+')}$`)
const rowOf = (key: string) => {
  // `ended:all` has no second colon, so no key fits two rows.
  const rows = documented.filter(({ name }) => formOf(name).test(key))
  if (rows.length !== 1) throw new Error(`${key} is in ${rows.length} rows`)
  return rows[0]
}

t.test('every key that the source can name has its row, and every row its key', t => {
  const keys = createKeys('claimcheck:')
  const made = [
    ...[keys.session('h'), keys.user('p', 's'), keys.sid('p', 's'), keys.login('h')],
    ...[keys.ended('p', 's'), keys.endedAll(), keys.lease('h'), keys.jti('p', 'j')],
    ...[keys.limit('s', 'h'), keys.canary('i')],
  ]
  const builders = Object.values(keys).filter(value => typeof value === 'function')
  t.equal(made.length, builders.length - 1, 'all but handleOfKey')
  t.strictSame(made.map(key => rowOf(key)?.name).sort(), documented.map(({ name }) => name).sort())
  t.strictSame(
    rowsUnder('| key | by hand')
      .flatMap(([names]) => namesIn(names))
      .sort(),
    documented.map(({ name }) => name).sort(),
  )
  t.end()
})

t.test(
  'a Redis that was used holds nothing else, each key with its type and a lifetime',
  async t => {
    const { redis, provider, gateway, logIn } = await startOpenidGateway(t, {
      refreshBefore: '10m',
    })
    const { client } = redis
    const cookie = await logIn()
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    provider.state.before = async path => {
      if (path === '/token') await held
    }
    await get(gateway, '/api/x', cookie)
    await until(async () => (await client.keys('claimcheck:lease:*')).length === 1)
    const seen = new Set<string>()
    const look = async () => {
      for (const key of await client.keys('*')) {
        const row = rowOf(key)
        const type = await client.type(key)
        const life = await client.pttl(key)
        // It may have ended since it was listed.
        if (type === 'none' || life === -2) continue
        t.equal(type, row?.type.replace('sorted set', 'zset'), key)
        t.ok(life > 0, `${key} ends by itself`)
        const [, most, unit] = /(\d+) (s|minutes)\b/.exec(row?.life ?? '') ?? []
        if (most !== undefined) t.ok(life <= Number(most) * (unit === 's' ? 1_000 : 60_000), key)
        seen.add(row?.name ?? '')
      }
    }
    // One that is begun and not completed.
    await send(`${gateway.url}/auth/login`, {
      headers: {
        'sec-fetch-site': 'none',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
      },
    })
    await look()
    release()
    await until(async () => (await client.keys('claimcheck:limit:*')).length === 1)
    await look()
    await get(gateway, '/auth/logout', cookie, { method: 'POST' })
    await look()
    const unseen = documented.map(({ name }) => name).filter(name => !seen.has(name))
    t.strictSame(
      unseen,
      ['ended:all', 'jti:<provider>:<jti>'],
      'all that one login and log-out need',
    )
  },
)
