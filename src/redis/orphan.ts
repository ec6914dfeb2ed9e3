import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SetupError } from '../errors.ts'
import type { Log } from '../log.ts'
import { endProcess } from './end-process.ts'
import { type Identity, lifeOf, parseIdentity } from './identity.ts'

/** The server that has the data of a folder, or had. */
export interface Remembered {
  readonly server: Identity
  readonly socket: string
}

const fileIn = (folder: string): string => join(folder, 'server.json')

/** Writes down who has the data of `folder`, for the next gateway should this one be killed. */
export const rememberServer = async (folder: string, entry: Remembered): Promise<void> => {
  const draft = `${fileIn(folder)}.draft`
  await writeFile(draft, `${JSON.stringify(entry.server)}\n${entry.socket}`, { mode: 0o600 })
  await rename(draft, fileIn(folder))
}

export const recallServer = async (folder: string): Promise<Remembered | undefined> => {
  const text = await readFile(fileIn(folder), 'utf8').catch(() => '')
  const [identity = '', socket = ''] = text.split('\n')
  const server = parseIdentity(identity)
  return server && { server, socket }
}

export const forgetServer = (folder: string): Promise<void> => rm(fileIn(folder), { force: true })

/**
 * Ends the server that still has the data of `folder`, left by a killed gateway or a start that failed:
 * a second one on the same data would destroy it. `SetupError` if it cannot be ended.
 */
export const endRemembered = async (folder: string, patience: number, log: Log): Promise<void> => {
  const entry = await recallServer(folder)
  if (entry === undefined || (await lifeOf(entry.server)) !== 'alive') return
  const { pid } = entry.server
  log.warn({ pid }, 'ending a Redis that was left behind')
  if (await endProcess(entry.server, patience)) return
  throw new SetupError(
    `a Redis that was left behind, process ${pid}, has ${folder} and cannot be ended`,
  )
}
