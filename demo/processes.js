// Child processes that speak JSON lines on standard output.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

/** A port of the loopback that was free a moment ago. */
export const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/**
 * Starts a Node script. `wait(matches)` resolves with the first line, of those that came and those
 * that will, for which `matches` is true; it rejects when the process ends before.
 */
export const start = (script, args, env) => {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = []
  const waiting = new Set()
  createInterface({ input: child.stdout }).on('line', text => {
    const line = text.startsWith('{') ? JSON.parse(text) : { text }
    lines.push(line)
    for (const look of waiting) look()
  })
  const ended = once(child, 'exit')
  const wait = matches =>
    new Promise((resolve, reject) => {
      const look = () => {
        const line = lines.find(matches)
        if (line === undefined) return
        waiting.delete(look)
        resolve(line)
      }
      waiting.add(look)
      ended.then(([code]) => reject(new Error(`${script} ended with ${code}`)), reject)
      look()
    })
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  }
  return { lines, wait, stop }
}
