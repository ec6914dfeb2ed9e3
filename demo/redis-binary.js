// Sees to it that there is a redis-server or valkey-server, before the tests or the demo need one.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const install = ['apt-get', 'install', '--yes', '--no-install-recommends', 'redis-server']

/** By the tool that is there, what to type where nothing can be done without asking. */
const lines = {
  'apt-get': 'sudo apt-get install redis-server',
  dnf: 'sudo dnf install valkey',
  apk: 'sudo apk add redis',
}
const elsewhere = 'see https://redis.io/docs/latest/operate/oss_and_stack/install/'

/**
 * What to do, given whether a program is on the PATH and the user's id: nothing, or one of several
 * attempts (each a list of commands; the next one counts if a command of it fails), or tell what to type.
 */
export const planFor = ({ has, uid }) => {
  if (has('redis-server') || has('valkey-server')) return { kind: 'found' }
  if (has('apt-get') && uid === 0) {
    // The lists of packages may be missing or old, which costs a minute to change.
    return { kind: 'install', attempts: [[install], [['apt-get', 'update'], install]] }
  }
  if (has('brew')) return { kind: 'install', attempts: [[['brew', 'install', 'redis']]] }
  const tool = Object.keys(lines).find(has)
  return { kind: 'tell', line: tool === undefined ? elsewhere : lines[tool] }
}

const isOnPath = name =>
  (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return folder !== ''
    } catch {
      return false
    }
  })

const run = ([command, ...args]) => {
  console.log(`$ ${[command, ...args].join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  return spawnSync(command, args, { stdio: 'inherit', env }).status === 0
}

/** Debian starts a service with its package unless this file forbids it; invoke-rc.d(8), deb-systemd-invoke(1p). */
const withoutServices = work => {
  const policy = join(process.env.DPKG_ROOT ?? '/', 'usr/sbin/policy-rc.d')
  let made = false
  // Ctrl-C ends the installer; it must not leave the file behind.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)
  try {
    mkdirSync(dirname(policy), { recursive: true })
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 })
    made = true
  } catch {
    // There is a policy already, or no place for one.
  }
  try {
    return work()
  } finally {
    if (made) rmSync(policy)
  }
}

const main = () => {
  const plan = planFor({ has: isOnPath, uid: process.getuid?.() })
  if (plan.kind === 'found') return true
  console.log('There is no redis-server or valkey-server on the PATH.')
  if (plan.kind === 'tell') {
    console.log(`To install one: ${plan.line}`)
    return false
  }
  withoutServices(() => plan.attempts.some(commands => commands.every(run)))
  if (planFor({ has: isOnPath }).kind === 'found') return true
  console.log('It could not be installed; the output above says why.')
  return false
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main() ? 0 : 1
