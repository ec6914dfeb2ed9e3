// Each command and each config in README, docs and the examples' pages is run here, or checked by what would run it.
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { readArguments } from '../src/cli/arguments.ts'
import { createGateway } from '../src/gateway.ts'
import { createLog } from '../src/log.ts'
import { loadChecked } from '../src/process/load.ts'
import { handleOf } from '../src/session/ticket.ts'
import { startGateway, testFolder } from './fixtures/gateway.ts'
import { createLoginApi, get, login, routesTo, secret } from './fixtures/login-api.ts'
import { freePort, startRedis } from './fixtures/redis.ts'
import { startUpstream } from './fixtures/upstream.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const read = (name: string): string => readFileSync(join(root, name), 'utf8')
const listed = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join(folder, name))
const pages = ['README.md', ...listed('docs'), ...listed('examples')]

/** Blocks of code in one language, without the indentation that they share. */
const blocksOf = (page: string, language: string): string[] =>
  Array.from(
    read(page).matchAll(new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^ *\`\`\``, 'gm')),
    ([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )

/** What is meant to be typed: the lines of shell blocks without comments, and commands within a sentence. */
const commandsOf = (page: string): string[] =>
  [
    ...blocksOf(page, 'sh')
      .flatMap(block => block.split('\n'))
      .flatMap(line => line.replace(/\s+# .*$/, '').split(' && ')),
    ...Array.from(
      read(page).matchAll(/`((?:redis-cli|npm|node|printf|curl) [^`]+)`/g),
      ([, text = '']) => text,
    ),
    ...Array.from(
      read(page).matchAll(/`(claimcheck (?:serve|check|explain|sessions)\b[^`]*)`/g),
      ([, text = '']) => text,
    ),
  ].filter(command => command !== '' && !command.includes('…'))

const known = new Set(['redis-cli', 'npm', 'claimcheck', 'printf'])

/** The words of a command, after variables that are set for it; the built command goes by its name. */
const wordsOf = (command: string): string[] =>
  command
    .replace(/^(?:[A-Z_]+=(?:"[^"]*"|\S+) )*/, '')
    .replace(/^node dist\/cli\/claimcheck\.js/, 'claimcheck')
    .replaceAll('<handle>', 'a'.repeat(64))
    .split(/ +/)

const all = pages.flatMap(page => commandsOf(page).map(command => ({ page, command })))
const those = (name: string) => all.filter(({ command }) => wordsOf(command)[0] === name)

t.test('every command is one that is known here', t => {
  t.ok(all.length > 20)
  for (const { page, command } of all) {
    t.ok(known.has(wordsOf(command)[0] ?? ''), `${page}: ${command}`)
  }
  t.end()
})

t.test('npm: what is typed is a script, and CI runs it', t => {
  const { scripts } = JSON.parse(read('package.json'))
  const ci = read('.ci/run')
  for (const { page, command } of those('npm')) {
    const [, verb = '', ...more] = wordsOf(command)
    const script = verb === 'run' ? more.find(word => !word.startsWith('-')) : verb
    t.ok(verb === 'ci' || Object.hasOwn(scripts, script ?? ''), `${page}: ${command}`)
    const called = new RegExp(`npm (?:run (?:-s )?)?${script}\\b`)
    t.match(ci, called, `${page}: ${command}`)
  }
  t.end()
})

t.test('claimcheck: each command line is understood', t => {
  t.ok(those('claimcheck').length > 5)
  for (const { page, command } of those('claimcheck')) {
    const [, ...words] = wordsOf(command)
    // In prose a command may go by its first words.
    const whole = words.join(' ') === 'explain' || words.join(' ') === 'sessions' ? ['help'] : words
    t.not(readArguments(whole).command, 'misused', `${page}: ${command}`)
  }
  t.end()
})

t.test('redis-cli and printf: each does what is said, to a session that is live', async t => {
  const redis = await startRedis(t)
  const api = createLoginApi()
  const upstream = await startUpstream(t, (req, res, body) => void api.answer(req, res, body))
  const gateway = await startGateway(t, `redis: { url: ${redis.url} }\n${routesTo(upstream.url)}`)
  t.ok(those('redis-cli').length > 5)
  for (const { page, command } of those('redis-cli')) {
    const { cookie, ticket } = await login(gateway, 'alice')
    t.equal((await get(gateway, '/api/x', cookie)).status, 200)
    const handle = handleOf(ticket)
    const [, ...words] = wordsOf(
      command.replaceAll('<handle>', handle).replace('<sub>', 'alice').replace(':oidc:', ':api:'),
    )
    const { stdout } = await run('redis-cli', ['-p', String(redis.port), ...words])
    t.notMatch(stdout, /ERR|WRONG|NOPERM/, `${page}: ${command}`)
    if (words[0] === 'DEL') {
      t.equal(stdout, '1\n', `${page}: ${command}`)
      const before = upstream.requests.length
      t.equal((await get(gateway, '/api/x', cookie)).status, 401)
      t.equal(upstream.requests.length, before)
    }
    if (words[0] === 'ZRANGE') t.match(stdout, handle)
    if (words[0] === 'GET') t.equal(JSON.parse(stdout.split('\n')[0] ?? '').sub, 'alice')
    await redis.client.flushall()
  }
  for (const { command } of those('printf')) {
    const { ticket } = await login(gateway, 'alice')
    const secrets = { TICKET: ticket, PASSWORD: ticket }
    const { stdout } = await run('sh', ['-c', command], { env: { ...process.env, ...secrets } })
    t.match(stdout, handleOf(ticket), command)
  }
})

const env = {
  JWT_SECRET: secret,
  OIDC_CLIENT_SECRET: 'pR7q-9vXw2_kLm4',
  ADMIN_TOKEN: 'hG5tR2wQ8zKp4vYx',
}

const load = async (t: Test, text: string) => {
  const file = join(await testFolder(t), 'claimcheck.yaml')
  await writeFile(file, text.replace(/\$\{file:[^}]+\}/g, env.OIDC_CLIENT_SECRET))
  return loadChecked(file, env)
}

t.test('each config is sound; of a part, with the rest around it', async t => {
  const blocks = pages.flatMap(page => blocksOf(page, 'yaml').map(text => ({ page, text })))
  t.ok(blocks.length >= 2)
  for (const { page, text } of blocks) {
    const url = /^publicUrl:/m.test(text) ? '' : 'publicUrl: http://localhost:8080\n'
    const routes = /^routes:/m.test(text)
      ? ''
      : 'routes: [{ path: /, upstream: "http://127.0.0.1:1", auth: none }]\n'
    await t.resolves(load(t, url + text + routes), `${page}:\n${text}`)
  }
  for (const page of pages) {
    for (const text of blocksOf(page, 'json')) t.doesNotThrow(() => JSON.parse(text), page)
  }
})

t.test("the README's first config runs as it is, with a Redis of its own", async t => {
  const api = createLoginApi()
  const upstream = await startUpstream(t, (req, res, body) => void api.answer(req, res, body))
  const port = await freePort()
  const [text = ''] = blocksOf('README.md', 'yaml')
  const file = join(await testFolder(t), 'claimcheck.yaml')
  await writeFile(
    file,
    `${text
      .replace('http://localhost:8080', `http://localhost:${port}`)
      .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, upstream.url)}
listen: 127.0.0.1:${port}
admin: { listen: 127.0.0.1:0 }
`,
  )
  const gateway = await createGateway(loadChecked(file, env), createLog('silent'))
  t.teardown(gateway.close)
  await gateway.listen()
  const here = { url: `http://127.0.0.1:${port}` }
  const { cookie, text: answer } = await login(here, 'alice')
  t.notMatch(answer, 'eyJ')
  const called = await get(here, '/api/orders', cookie)
  t.match(await called.json(), { authorization: `Bearer ${api.issued[0]}` })
})

t.test('the README is short, and its links lead somewhere', t => {
  t.ok(read('README.md').split('\n').length < 200)
  for (const page of pages) {
    for (const [, link = ''] of read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (link.startsWith('http')) continue
      const target = normalize(join(dirname(page), link))
      t.ok(
        readdirSync(join(root, dirname(target))).includes(target.split('/').at(-1) ?? ''),
        `${page}: ${link}`,
      )
    }
  }
  t.end()
})
