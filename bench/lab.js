import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const startLimit = 30_000
const stopLimit = 5000

/** A port of the loopback that was free a moment ago. */
export const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

const answers = port =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })

const ended = child => child.exitCode !== null || child.signalCode !== null

const stop = async child => {
  if (ended(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const patience = setTimeout(() => child.kill('SIGKILL'), stopLimit)
  await gone
  clearTimeout(patience)
}

/** A folder for one run and the processes started in it; `close` ends them, by process id, and removes the folder. */
export const createLab = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'claimcheck-bench-'))
  const children = []
  let count = 0

  /**
   * Starts a program, output to a file of the folder; resolves when `port` takes connections. `ipc`
   * opens a channel, which also ends a Node program with this one.
   */
  const run = async ({ name, command = process.execPath, args, env = {}, port, ipc = true }) => {
    const output = join(dir, `${count++}-${name}.log`)
    // Appending, so that the file can be truncated under the writer.
    const file = openSync(output, 'a')
    const child = spawn(command, args, {
      cwd: dir,
      env: { ...process.env, NODE_ENV: 'production', ...env },
      stdio: ['ignore', file, file, ...(ipc ? ['ipc'] : [])],
    })
    closeSync(file)
    children.push(child)
    await once(child, 'spawn')
    const deadline = Date.now() + startLimit
    while (port !== undefined && !(await answers(port))) {
      if (ended(child) || Date.now() > deadline) {
        throw new Error(`${name} did not start:\n${readFileSync(output, 'utf8').slice(-2000)}`)
      }
      await sleep(20)
    }
    return { child, pid: child.pid, port, output, stop: () => stop(child) }
  }

  const close = async () => {
    for (const child of children.reverse()) await stop(child)
    await rm(dir, { recursive: true, force: true })
  }
  return { dir, run, close }
}
