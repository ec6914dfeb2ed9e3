import { Redis } from 'ioredis'
import { freePort } from './lab.js'

/** A Redis of the run's own on a free port, nothing written to disk: no row waits for a disk that another does not. */
export const startRedis = async lab => {
  const port = await freePort()
  const { pid, stop } = await lab.run({
    name: 'redis',
    command: 'redis-server',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    port,
    ipc: false,
  })
  const client = new Redis(port, '127.0.0.1')

  const info = async (section, name) =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await client.info(section))?.[1])
  return {
    port,
    pid,
    client,
    /** Commands processed so far, this one not counted. */
    commands: () => info('stats', 'total_commands_processed'),
    usedMemory: () => info('memory', 'used_memory'),
    stop: async () => {
      client.disconnect()
      await stop()
    },
  }
}
