// What every part of the tour does: it prints what really happened, and asserts it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const short = text => (text.length > 60 ? `${text.slice(0, 28)}…${text.slice(-12)}` : text)

export const handleOf = ticket => createHash('sha256').update(ticket).digest('hex')

export const createWalk = ({ socket, api }) => {
  let step = 0
  const print = text => process.stdout.write(`${text}\n`)
  const title = text => print(`\n${++step}. ${text}`)
  const redis = async (...args) => {
    const { stdout } = await run('redis-cli', ['-s', socket, ...args])
    print(`   $ redis-cli ${args.map(short).join(' ')}\n   ${short(stdout.trim().split('\n')[0])}`)
    return stdout.trim()
  }
  /** Requests that reached the API. */
  const atApi = () => api.lines.filter(line => line.event === 'request')
  /** No part of the token is in what the browser was given. */
  const withoutToken = (browser, token) => {
    for (const part of token.split('.')) {
      assert.ok(!browser.received().includes(part), 'no part of the JWT was sent to the browser')
    }
  }
  const dead = async (browser, why) => {
    const before = atApi().length
    const { status, text } = await browser.ask('GET', '/api/orders')
    print(`   GET /api/orders → ${status} ${JSON.parse(text).code} (${why})`)
    assert.equal(status, 401)
    assert.equal(JSON.parse(text).code, 'no_session')
    assert.equal(atApi().length, before, 'the API saw no byte of it')
    print('   The API saw nothing of it.')
  }
  /** Waits until `condition` holds, ten seconds at most. */
  const until = async condition => {
    const deadline = performance.now() + 10_000
    while (!(await condition())) {
      assert.ok(performance.now() < deadline, `never came true: ${condition}`)
      await sleep(20)
    }
  }
  return { print, title, redis, atApi, withoutToken, dead, until, steps: () => step }
}
