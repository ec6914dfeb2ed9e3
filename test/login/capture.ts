import { createSecretKey } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { SignJWT } from 'jose'
import t from 'tap'
import { type CaptureOutcome, type CaptureRules, createCapture } from '../../src/login/capture.ts'
import { createVerifier } from '../../src/login/verify.ts'
import { createKey, epoch, keySet, sign, startKeyServer } from '../fixtures/issuer.ts'

const secret = 'a secret of the login API of these tests'
const issue = (claims: Record<string, unknown> = {}, key = secret): Promise<string> =>
  new SignJWT({ sub: 'alice', iss: 'https://login.test', exp: epoch(300), ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(createSecretKey(Buffer.from(key)))

const rules: CaptureRules = {
  name: 'api',
  token: ['access_token'],
  refreshToken: ['refresh_token'],
  remove: [['id_token'], ['user', 'device']],
  cookies: { listed: ['lang'], own: new Set(['__host-http-session']) },
  verify: createVerifier({ secret }, ['sub']),
}
const capture = createCapture(rules)

const refresh = 'refresh-token/of+alice=='
const token = await issue()
const [, payload = '', signature = ''] = token.split('.')
const user = { name: 'Älice', roles: ['clerk', 'admin'] }

interface Sent {
  status?: number
  type?: string
  headers?: string[]
}

const send = (
  body: object | string | Buffer,
  { status = 200, type = 'application/json', headers = [] }: Sent = {},
): Promise<CaptureOutcome> =>
  capture.process({
    status,
    headers: ['content-type', type, ...headers],
    body: Buffer.isBuffer(body)
      ? body
      : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  })

const login = (more: object = {}) => ({
  access_token: token,
  refresh_token: refresh,
  user,
  ...more,
})
const bodyOf = (outcome: CaptureOutcome): string =>
  outcome.kind === 'refused' ? `refused: ${outcome.reason}` : outcome.body.toString()

t.test('a 2xx with a token becomes a session, and the browser gets the rest', async t => {
  const outcome = await send(
    `{\n  "access_token": "${token}",\n  "user": {"name": "\\u00c4lice", "n": 1.0},\n  "refresh_token": "${refresh.replaceAll('/', '\\/')}"\n}\n`,
    { status: 201, headers: ['x-request', '7', 'etag', '"1"', 'content-length', '400'] },
  )
  t.match(outcome, {
    kind: 'session',
    session: {
      provider: 'api',
      iss: 'https://login.test',
      sub: 'alice',
      tokens: { accessToken: token, refreshToken: refresh, claims: { sub: 'alice' } },
    },
  })
  t.equal(bodyOf(outcome), '{\n  "user": {"name": "\\u00c4lice", "n": 1.0}\n}\n')
  t.same(outcome.kind === 'session' && outcome.headers, [
    ...['content-type', 'application/json', 'x-request', '7', 'cache-control', 'no-store'],
  ])
})

t.test('nothing of a token is in what the browser gets (TK-01)', async t => {
  const outcome = await send(login({ id_token: await issue({ aud: 'page' }) }))
  const headers = outcome.kind === 'session' ? outcome.headers : [token]
  const sent = headers.join('\n') + bodyOf(outcome)
  for (const part of [payload, signature, refresh, 'eyJ']) t.notOk(sent.includes(part))
})

t.test('cuts what is to be removed as well', async t => {
  const outcome = await send(
    login({ id_token: await issue(), user: { ...user, device: { key: 'device-key-1' } } }),
  )
  t.equal(bodyOf(outcome), JSON.stringify({ user }))
})

t.test('the session lives as long as its token', async t => {
  const lifeOf = async (exp: number) => {
    const outcome = await send(login({ access_token: await issue({ exp }) }))
    return outcome.kind === 'session' ? (outcome.session.tokenExpires ?? -1) : -1
  }
  const life = await lifeOf(epoch(300))
  t.ok(life > 290_000 && life <= 300_000, 'in milliseconds from now')
  t.equal(await lifeOf(epoch(-2)), 0, 'not less than nothing within the tolerance')
  t.equal(Number.isInteger(await lifeOf(epoch(300) + 0.123456)), true)
  for (const exp of [Date.now() + 1e6, 1e300]) {
    t.equal(await lifeOf(exp), 100 * 365 * 86_400_000, 'and not longer than can be counted')
  }
})

t.test('the scope is the one of the answer, else the one of the token', async t => {
  const scopeOf = async (claims: Record<string, unknown>, more: object = {}) => {
    const outcome = await send(login({ access_token: await issue(claims), ...more }))
    return outcome.kind === 'session' ? outcome.session.tokens.scope : bodyOf(outcome)
  }
  t.equal(await scopeOf({ scope: 'b', scp: 'c' }, { scope: 'a x' }), 'a x')
  t.equal(await scopeOf({ scope: 'b y', scp: 'c' }), 'b y')
  t.equal(await scopeOf({ scope: ['b', 'y'] }), 'b y')
  t.equal(await scopeOf({ scp: ['c', 'z'] }), 'c z')
  t.equal(await scopeOf({ scope: 7, scp: 'c' }, { scope: {} }), 'c')
  t.equal(await scopeOf({ scp: [1] }), undefined)
  t.equal(await scopeOf({}), undefined)
})

t.test('a login without a refresh token has none', async t => {
  for (const absent of [undefined, null, '']) {
    const outcome = await send(login({ refresh_token: absent }))
    t.equal(outcome.kind === 'session' && 'refreshToken' in outcome.session.tokens, false)
    t.equal(bodyOf(outcome), JSON.stringify({ user }))
  }
  const without = createCapture({ ...rules, refreshToken: undefined })
  const outcome = await without.process({
    status: 200,
    headers: ['content-type', 'application/json'],
    body: Buffer.from(JSON.stringify({ access_token: token, refresh_token: 'kept' })),
  })
  t.equal(bodyOf(outcome), '{"refresh_token":"kept"}', 'nor where none is configured')
})

t.test('JSON without the token passes without a session, still cut', async t => {
  const step = { mfa: 'required', methods: ['totp'] }
  for (const absent of [{}, { access_token: null }, { access_token: '' }]) {
    const outcome = await send({ ...absent, ...step, refresh_token: refresh, id_token: null })
    t.equal(outcome.kind, 'pass')
    t.equal(bodyOf(outcome), JSON.stringify(step))
  }
  t.match(await send('["not an object"]'), { kind: 'pass' })
  t.match(await send({ ...step, refresh_token: refresh, copy: refresh }), { kind: 'refused' })
})

t.test('a failed login and other statuses pass', async t => {
  for (const status of [400, 401, 403, 422, 429, 500, 503]) {
    const body = '{"error": "wrong password", "error": 1}'
    const outcome = await send(body, { status, headers: ['www-authenticate', 'Bearer'] })
    t.equal(outcome.kind, 'pass', `${status}`)
    t.equal(bodyOf(outcome), body)
  }
  const redirect = await send('', { status: 303, headers: ['location', '/welcome?a=%2Fb'] })
  t.match(redirect, {
    kind: 'pass',
    headers: [
      'content-type',
      'application/json',
      'location',
      '/welcome?a=%2Fb',
      'cache-control',
      'no-store',
    ],
  })
  t.match(await send('<h1>Sorry</h1>', { status: 500, type: 'text/html' }), { kind: 'pass' })
  const latin1 = Buffer.from('{"error":"ungültig"}', 'latin1')
  t.same(await send(latin1, { status: 401 }), {
    kind: 'pass',
    headers: ['content-type', 'application/json', 'cache-control', 'no-store'],
    body: latin1,
  })
})

t.test('an empty success passes', async t => {
  t.match(await send('', { status: 204 }), { kind: 'pass' })
  t.match(await send('', { status: 200, type: 'text/html' }), { kind: 'pass' })
})

t.test('a success that is not JSON in UTF-8 is refused', async t => {
  const json = JSON.stringify(login())
  const answers: Record<string, [Buffer | string, Sent?]> = {
    HTML: ['<h1>Welcome</h1>', { type: 'text/html' }],
    'JSON under another type': [json, { type: 'text/plain' }],
    'a form': [`access_token=${token}`, { type: 'application/x-www-form-urlencoded' }],
    'text in JSON’s clothing': [`access_token=${token}`],
    'white space': [' '],
    'UTF-16': [Buffer.from(json, 'utf16le')],
    'UTF-16 by its charset': [
      Buffer.from(json, 'utf16le'),
      { type: 'application/json; charset=utf-16' },
    ],
    'Latin-1': [Buffer.from(json, 'latin1')],
    'Latin-1 by its charset': [
      Buffer.from(json, 'latin1'),
      { type: 'application/json;charset=latin1' },
    ],
    'a byte order mark': [`\ufeff${json}`],
    gzip: [gzipSync(json), { headers: ['content-encoding', 'gzip'] }],
    'gzip without saying so': [gzipSync(json)],
    br: [brotliCompressSync(json), { headers: ['Content-Encoding', 'br'] }],
    'a claimed coding': [json, { headers: ['content-encoding', 'gzip'] }],
    'two documents': [json + json],
    'trailing text': [`${json};`],
    'a callback': [`login(${json})`],
    'a guarded prefix': [`)]}',\n${json}`],
    nesting: ['['.repeat(100) + ']'.repeat(100)],
  }
  for (const [what, [body, sent]] of Object.entries(answers)) {
    t.match(await send(body, sent), { kind: 'refused', code: 'login_not_readable' }, what)
  }
})

t.test('an encoded failure is refused, because it cannot be searched', async t => {
  const headers = ['content-encoding', 'gzip']
  t.match(await send(gzipSync('{}'), { status: 401, headers }), { kind: 'refused' })
})

t.test('duplicate keys are refused, however they are written', async t => {
  const fake = await issue({ sub: 'mallory' })
  for (const body of [
    `{"access_token":"${token}","access_token":"${fake}"}`,
    `{"access_token":"${token}","\\u0061ccess_token":"${fake}"}`,
    `{"access_token":"${token}","user":{"name":"a","name":"b"}}`,
    `{"access_token":null,"access_token":"${fake}"}`,
  ]) {
    t.match(await send(body), { kind: 'refused', reason: 'the answer has a duplicate key' })
  }
})

t.test('a token that is no string is refused', async t => {
  for (const value of [7, true, {}, [], { jwt: token }, [token]]) {
    t.match(await send(login({ access_token: value })), {
      kind: 'refused',
      code: 'login_not_readable',
    })
    t.match(await send(login({ refresh_token: value })), {
      kind: 'refused',
      code: 'login_not_readable',
    })
  }
})

t.test('a token anywhere else in the answer is refused', async t => {
  const places: Record<string, [object, string[]?]> = {
    'another member': [{ token }],
    'another member, in part': [{ half: `${payload}.${signature}` }],
    'the signature alone': [{ half: signature }],
    'a nested member': [{ session: { list: [{ jwt: token }] } }],
    'a key': [{ [token]: 1 }],
    'a text': [{ note: `your token is ${token}, keep it` }],
    'JSON in a string': [{ state: JSON.stringify({ a: JSON.stringify({ token }) }) }],
    'a query in a string': [{ next: `/app?jwt=${encodeURIComponent(token).replace('.', '%2E')}` }],
    'base64 in a string': [{ state: Buffer.from(`{"token":"${token}"}`).toString('base64') }],
    'the refresh token': [{ copy: refresh }],
    'the refresh token in a query': [{ next: `/?r=${encodeURIComponent(refresh)}` }],
    'a removed text': [{ user: { device: 'device-1' }, copy: 'device-1' }],
    'a token of another kind': [
      { other: await issue({ sub: 'x' }, 'another secret of some length') },
    ],
    'a header': [{}, ['x-auth-token', token]],
    'an Authorization header': [{}, ['authorization', `Bearer ${token}`]],
    'a Location': [{}, ['location', `/app#access_token=${token}`]],
    'an encoded Location': [{}, ['location', `/app?t=${token.replaceAll('.', '%2e')}`]],
    'a listed cookie': [{}, ['set-cookie', `lang=${token}; Path=/`]],
    'the refresh token in a header': [{}, ['x-refresh', refresh]],
    'the end of it in a header': [{}, ['link', `</?r=${encodeURIComponent(refresh)}>`]],
  }
  for (const [place, [more, headers]] of Object.entries(places)) {
    const outcome = await send(login(more), headers === undefined ? {} : { headers })
    t.match(outcome, { kind: 'refused', code: 'login_not_readable' }, place)
  }
  const dropped = await send(login(), { headers: ['set-cookie', `sid=${token}`, 'etag', token] })
  t.match(dropped, { kind: 'session' }, 'but not in what is dropped anyway')
})

t.test('escaped tokens in raw JSON are found', async t => {
  const escaped = [...token].map(c => `\\u00${c.charCodeAt(0).toString(16)}`).join('')
  t.match(await send(`{"access_token":"${token}","x":"${escaped}"}`), { kind: 'refused' })
  const outcome = await send(`{"access_token":"${escaped}","x":"y"}`)
  t.match(outcome, { kind: 'session', session: { tokens: { accessToken: token } } })
  t.equal(bodyOf(outcome), '{"x":"y"}')
})

t.test('short removed texts may be elsewhere', async t => {
  const short = createCapture({ ...rules, remove: [['token_type']] })
  const outcome = await short.process({
    status: 200,
    headers: ['content-type', 'application/json'],
    body: Buffer.from(
      JSON.stringify({ access_token: token, token_type: 'Bearer', help: 'Bearer …' }),
    ),
  })
  t.equal(bodyOf(outcome), '{"help":"Bearer …"}')
})

t.test('every answer is searched, whatever its status', async t => {
  for (const status of [204, 302, 400, 401, 500]) {
    const text = { status, type: 'text/plain' }
    t.match(await send(`debug: ${token}`, text), { kind: 'refused' }, `${status}`)
    t.match(await send('', { status, headers: ['location', `/#${token}`] }), { kind: 'refused' })
    t.match(await send('', { status, headers: ['x-jwt', token] }), { kind: 'refused' })
  }
  t.match(await send(Buffer.from(token, 'utf16le'), { status: 401 }), { kind: 'refused' })
})

t.test('a forged token is refused, and the reason holds nothing of it', async t => {
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
  const forged: Record<string, string> = {
    'another key': await issue({ sub: 'root' }, 'another secret of some length'),
    'no algorithm': none,
    expired: await issue({ exp: epoch(-60) }),
    'no subject': await issue({ sub: '' }),
    'no expiry': await issue({ exp: undefined }),
    opaque: '8xLOxBtZp8',
    encrypted:
      'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXZpdml2aXZpdml2.Y2lwaGVy.dGFndGFndGFndGFndGFndA',
  }
  for (const [how, bad] of Object.entries(forged)) {
    const outcome = await send(login({ access_token: bad }))
    t.match(outcome, { kind: 'refused', code: 'login_not_readable', reason: /^the token: / }, how)
    t.notOk(bad.split('.').some(part => part !== '' && bodyOf(outcome).includes(part)))
  }
})

t.test('keys that cannot be fetched are the provider’s trouble, not a forgery', async t => {
  const key = await createKey()
  const server = await startKeyServer(t, (_, res) => res.writeHead(503).end())
  const verify = createVerifier({ jwks: server.url }, ['sub'])
  const process = async () =>
    createCapture({ ...rules, verify }).process({
      status: 200,
      headers: ['content-type', 'application/json'],
      body: Buffer.from(JSON.stringify(login({ access_token: await sign(key) }))),
    })
  t.match(await process(), { kind: 'refused', code: 'provider_unavailable', reason: /503/ })
  server.answer(await keySet(key))
  t.match(await process(), { kind: 'session' })
})

t.test('hostile answers of 1 MB take time in proportion (RL-08)', async t => {
  const filled = (head: string, unit: string, tail: string) =>
    head + unit.repeat((1_000_000 - head.length - tail.length) / unit.length) + tail
  const bodies: Record<string, string> = {
    'a token of dots': filled('{"access_token":"', '.', '"}'),
    'a token of headers': filled('{"access_token":"', 'eyJ', '"}'),
    'a token of segments': filled('{"access_token":"', 'eyJhbGciOi.', '"}'),
    'an endless header': filled(`{"access_token":"${token}","a":"`, 'eyJhbGciOi', '"}'),
    'escapes within escapes': filled(`{"access_token":"${token}","a":"`, '\\\\u005c', '"}'),
    'percent signs': filled(`{"access_token":"${token}","a":"`, '%25', '"}'),
    'many members': filled(`{"access_token":"${token}","a":[`, '{"b":[1]},', '0]}'),
    'a refresh token that is nearly everywhere': `${filled(`{"access_token":"${token}","a":"`, 'b', '').slice(0, 600_000)}","refresh_token":"c${'b'.repeat(300_000)}"}`,
  }
  for (const [name, body] of Object.entries(bodies)) {
    const started = performance.now()
    await send(body)
    // Quadratic would be minutes; the slowest takes less than a second.
    t.ok(performance.now() - started < 10_000, name)
  }
})
