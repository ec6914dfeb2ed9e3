import { execFile } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'

/** One process, told apart from every other that ever has the same id. */
export interface Identity {
  readonly pid: number
  /** When it started, as the system tells. */
  readonly start: string
  /** Of this start of the machine; empty where `start` is a date. */
  readonly boot: string
  /** The namespace that the id counts in: containers have their own. Empty where there are none. */
  readonly namespace: string
}

/** `unknown`: it belongs to another container on this machine, whose processes cannot be seen from here. */
export type Life = 'alive' | 'dead' | 'unknown'

/** From /proc, proc_pid_stat(5): the state is the first field after the name, the start time the 20th. */
const identityByProc = async (pid: number): Promise<Identity | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name may hold anything, spaces and brackets too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2)
  const [, state, start] = /^(\S) (?:\S+ ){18}(\d+)/.exec(fields) ?? []
  if (state === undefined || start === undefined || /[ZX]/.test(state)) return undefined
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
  return { pid, start, boot: boot.trim(), namespace: await readlink('/proc/self/ns/pid') }
}

/** From ps, for systems without /proc. In UTC, or a process would change its identity with the clock's time zone. */
export const identityByPs = async (pid: number): Promise<Identity | undefined> => {
  const { PATH } = process.env
  const env = { PATH, LC_ALL: 'C', TZ: 'UTC0' }
  const args = ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)]
  const ps = await promisify(execFile)('ps', args, { env }).catch((error: unknown) => {
    // ps ends with 1 when there is no such process.
    if (error instanceof Error && 'code' in error && error.code === 1) return { stdout: '' }
    throw error
  })
  const [, state, start] = /^(\S+)\s+(.+?)\s*$/.exec(ps.stdout) ?? []
  if (state === undefined || start === undefined || state.startsWith('Z')) return undefined
  return { pid, start, boot: '', namespace: '' }
}

/** The identity of a process that runs; undefined where there is none with this id. */
export const identityOf = process.platform === 'linux' ? identityByProc : identityByPs

const isIdentity = (value: unknown): value is Identity =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  Number.isSafeInteger(value.pid) &&
  ['start', 'boot', 'namespace'].every(
    name => typeof Object.getOwnPropertyDescriptor(value, name)?.value === 'string',
  )

/** An identity read back from JSON; undefined for anything else. */
export const parseIdentity = (text: string): Identity | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isIdentity(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether the very process that had this identity still runs. */
export const lifeOf = async (identity: Identity): Promise<Life> => {
  const own = await identityOf(process.pid)
  if (own?.boot !== identity.boot) return 'dead'
  if (own.namespace !== identity.namespace) return 'unknown'
  return (await identityOf(identity.pid))?.start === identity.start ? 'alive' : 'dead'
}
