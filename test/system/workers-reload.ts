// `workers: 2`: another config, for all of them or for none, and for those that are started later.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createAuthority } from '../fixtures/certificates.ts'
import { testFolder } from '../fixtures/gateway.ts'
import { get, login } from '../fixtures/login-api.ts'
import { until } from '../fixtures/until.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import {
  askAll,
  isAlive,
  reload,
  startWorkers,
  told,
  total,
  workersOf,
} from '../fixtures/workers.ts'

t.test('a reload is for all workers or for none', async t => {
  const { gateway, upstream } = await startWorkers(t)
  const { cookie } = await login(gateway, 'alice')
  const fresh = await startUpstream(t, (_req, res) => void res.end('new'))
  const old = await readFile(gateway.file, 'utf8')
  const toFresh = (yaml: string) => yaml.replaceAll(upstream.url, fresh.url)
  const answers = async () => [...(await askAll(gateway, '/api/who', cookie)).values()]

  const stuck = (await workersOf(gateway)).get(2) ?? 0
  process.kill(stuck, 'SIGSTOP')
  t.teardown(() => isAlive(stuck) && process.kill(stuck, 'SIGCONT'))
  const refused = await reload(gateway, toFresh)
  t.match(refused, { level: 'error', msg: /cannot be put in place/, err: { message: /no answer/ } })
  const asked = Array.from({ length: 4 }, async () => {
    const res = await get(gateway, '/api/who', cookie, { headers: { connection: 'close' } })
    return res.text()
  })
  t.equal(await Promise.any(asked), 'old', 'one that is stuck holds up no other')
  process.kill(stuck, 'SIGCONT')
  t.same(await Promise.all(asked), ['old', 'old', 'old', 'old'])
  t.same(await answers(), ['200 old', '200 old'], 'nor later')

  const wrong: [string, (yaml: string) => string, object][] = [
    ['a problem', () => old.replace('routes:', 'rutes:'), { problems: [/./, /./] }],
    ['a key that is fixed', () => old.replace('workers: 2', 'workers: 3'), { keys: ['/workers'] }],
  ]
  for (const [what, change, why] of wrong) {
    t.match(await reload(gateway, change), { level: 'error', ...why }, what)
    t.same(await answers(), ['200 old', '200 old'], what)
  }

  t.match(await reload(gateway, () => toFresh(old)), { level: 'info' })
  t.same(await answers(), ['200 new', '200 new'])

  t.match(await reload(gateway, () => old.replace('routes:', 'rutes:')), { level: 'error' })
  process.kill((await workersOf(gateway)).get(1) ?? 0, 'SIGKILL')
  await until(() => told(gateway, /^a worker ended/))
  await until(async () => (await total(gateway, 'claimcheck_workers ')) === 2)
  t.same(await answers(), ['200 new', '200 new'], 'a later worker has the config that holds')
})

t.test('a worker that cannot start is tried again after growing pauses', async t => {
  const dir = await testFolder(t)
  const { ca } = createAuthority(dir)
  const file = join(dir, 'there.pem')
  const pem = await readFile(ca.cert)
  await writeFile(file, pem)
  const upstreams = `upstreams: { tls: { targets: ["https://a"], tls: { ca: ${file} } } }\n`
  const { gateway } = await startWorkers(t, upstreams)
  const { cookie } = await login(gateway, 'alice')
  await rm(file)
  process.kill((await workersOf(gateway)).get(1) ?? 0, 'SIGKILL')
  const failures = () => gateway.lines.filter(({ msg }) => msg === 'a worker does not start')
  await until(() => failures().length === 2)
  t.match(failures(), [
    { worker: 1, pause: 200, err: { message: /ENOENT/ } },
    { worker: 1, pause: 400 },
  ])
  t.same([...(await askAll(gateway, '/api/who', cookie, [2])).values()], ['200 old'])
  t.equal((await fetch(`${gateway.admin}/readyz`)).status, 200)
  await writeFile(file, pem)
  t.same([...(await askAll(gateway, '/api/who', cookie)).values()], ['200 old', '200 old'])
})
