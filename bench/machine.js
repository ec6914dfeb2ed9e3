import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release, totalmem, type } from 'node:os'

const require = createRequire(import.meta.url)
const product = createRequire(new URL('../package.json', import.meta.url))

const output = (command, args) => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return `${stdout ?? ''}${stderr ?? ''}`
}
const program = (name, command, args, pattern) => {
  const version = pattern.exec(output(command, args))?.[1]
  return version === undefined ? [] : [`${name} ${version}`]
}
const installed = (from, name) => {
  const manifest = from.resolve.paths(name).map(folder => `${folder}/${name}/package.json`)
  for (const file of manifest) {
    try {
      return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`
    } catch {
      // not in this folder: the next one up
    }
  }
  return `${name} (missing)`
}

/** What the figures were taken on: `{ date, hardware, versions }`, each a line of text. */
export const describeMachine = () => ({
  date: new Date().toISOString().slice(0, 10),
  hardware: `${cpus().length} cores (${cpus()[0].model}), ${Math.round(totalmem() / 2 ** 30)} GB of memory, ${type()} ${release().split('.', 2).join('.')}`,
  versions: [
    `Node ${process.versions.node}`,
    ...program('Redis', 'redis-server', ['--version'], /v=(\S+)/),
    ...program('nginx', '/usr/sbin/nginx', ['-v'], /nginx\/(\S+)/),
    ...program('Apache', '/usr/sbin/apache2', ['-v'], /Apache\/(\S+)/),
    ...program(
      'mod_auth_openidc',
      'dpkg',
      ['-s', 'libapache2-mod-auth-openidc'],
      /^Version: (.+)/m,
    ),
    ...['fastify', 'undici', 'ioredis'].map(name => installed(product, name)),
    ...['@fastify/http-proxy', 'express', 'express-session', 'connect-redis', 'redis'].map(name =>
      installed(require, name),
    ),
    installed(require, 'http-proxy-middleware'),
  ].join(', '),
})
