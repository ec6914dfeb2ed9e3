import { setTimeout as sleep } from 'node:timers/promises'
import { type Identity, lifeOf } from './identity.ts'

const lives = async (identity: Identity): Promise<boolean> => (await lifeOf(identity)) === 'alive'

const signalTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself in this moment; if not, the caller sees that it lives.
  }
}

/**
 * Ends a process the way that Redis writes everything down (SIGTERM), and after `patience` milliseconds
 * without a choice. False if that did not help either, as while a disk does not answer.
 */
export const endProcess = async (identity: Identity, patience: number): Promise<boolean> => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await lives(identity))) return true
    signalTo(identity.pid, signal)
    const deadline = performance.now() + patience
    while ((await lives(identity)) && performance.now() < deadline) await sleep(10)
  }
  return !(await lives(identity))
}
