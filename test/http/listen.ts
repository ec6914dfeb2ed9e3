import { createServer } from 'node:net'
import t from 'tap'
import { SetupError } from '../../src/errors.ts'
import { listen } from '../../src/http/listen.ts'

t.test('a listener says where it is, with the port that was taken', async t => {
  const open = (address: string) => {
    const server = createServer()
    t.teardown(() => server.close())
    return listen(server, address)
  }
  const url = await open('127.0.0.1:0')
  t.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  t.match(await open('[::1]:0'), /^http:\/\/\[::1\]:[1-9]\d*$/)
  const { host } = new URL(url)
  await t.rejects(open(host), {
    name: 'SetupError',
    message: `cannot listen on ${host}: listen EADDRINUSE`,
  })
  await t.rejects(open('nowhere'), new SetupError('cannot listen on nowhere'))
})
