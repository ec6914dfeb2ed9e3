import t from 'tap'
import { createProvider } from '../../src/login/provider.ts'
import { createRevoker } from '../../src/login/revoke.ts'
import { planOf } from '../fixtures/login.ts'
import { faults, json, startLyingProvider } from '../fixtures/lying-provider.ts'
import { recordLog } from '../fixtures/recorded-log.ts'

t.test('giving tokens back', async t => {
  const lying = await startLyingProvider(t)
  const forms: Record<string, string>[] = []
  const accept = (status: number) =>
    lying.answers.set('/revoke', (_req, res, form) => {
      forms.push(Object.fromEntries(form))
      res.writeHead(status).end()
    })
  const revoking = (timeout = 2_000) => {
    const recorded = recordLog()
    const provider = createProvider(planOf(lying, { timeout }), recorded.log)
    return { ...createRevoker(provider, recorded.log, { pause: 1 }), ...recorded }
  }
  const tokens = { accessToken: 'at', refreshToken: 'rt' }
  t.beforeEach(() => {
    forms.splice(0)
    lying.reset()
  })

  await t.test('sends the refresh token, else the access token (RV-03)', async t => {
    accept(200)
    const { revoke, settle, lines } = revoking()
    revoke(tokens)
    await settle()
    revoke({ accessToken: 'at' })
    await settle()
    t.same(forms, [
      { token: 'rt', token_type_hint: 'refresh_token' },
      { token: 'at', token_type_hint: 'access_token' },
    ])
    t.same(lines, [])
  })

  await t.test('tries again, and says so when it gives up', async t => {
    accept(503)
    const { revoke, settle, lines, text } = revoking()
    revoke(tokens)
    await settle()
    t.equal(forms.length, 3)
    t.match(lines, [{ level: 'warn', msg: 'tokens could not be revoked at the provider' }])
    t.notMatch(text(), /"rt"|"at"/)

    lying.answers.set('/revoke', faults['no answer'] ?? json({}))
    const slow = revoking(100)
    slow.revoke(tokens)
    await slow.settle()
    t.equal(slow.lines.length, 1)
  })

  await t.test('does nothing where the provider cannot', async t => {
    const metadata = { ...lying.metadata, revocation_endpoint: undefined }
    lying.answers.set('/.well-known/openid-configuration', json(metadata))
    const { revoke, settle, lines } = revoking()
    revoke(tokens)
    await settle()
    t.same([forms, lines], [[], []])
  })

  await t.test('has a limit on what is under way', async t => {
    accept(200)
    const { revoke, settle, lines } = revoking(30_000)
    for (let n = 0; n < 300; n++) revoke(tokens)
    await settle()
    t.equal(forms.length, 256)
    t.equal(lines.length, 44)
    revoke(tokens)
    await settle()
    t.equal(forms.length, 257)
  })
})
